export type RefusalReason =
  | 'invalid-url'
  | 'scheme'
  | 'user-info'
  | 'port'
  | 'host'
  | 'private-address'
  | 'redirect'
  | 'too-many-redirects'

/** The address may not be fetched. The message can be shown to anyone: it holds no resolved address. */
export class UrlRefused extends Error {
  readonly reason: RefusalReason

  constructor(reason: RefusalReason, message: string) {
    super(message)
    this.name = 'UrlRefused'
    this.reason = reason
  }
}

/** The address may be fetched, but no whole answer came. The message can be shown to anyone. */
export class UrlFetchFailed extends Error {
  readonly reason: 'unknown-host' | 'timeout' | 'network' | 'encoding' | 'too-large'

  constructor(reason: UrlFetchFailed['reason'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'UrlFetchFailed'
    this.reason = reason
  }
}
