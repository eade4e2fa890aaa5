/** For one request of the protocol, in all of its parts. */
export const callTimeoutMs = 60_000
