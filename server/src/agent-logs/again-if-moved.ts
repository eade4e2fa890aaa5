/**
 * Writes to one log; the second time when the first found none. A log in the default partition moves when the partition
 * of its month is made, and a statement that was planned before and had to wait for that looks for it where it was. Planned
 * anew, in the same transaction or the next one, it finds it. None at the last try: there is none, or none any more.
 */
export async function againIfMoved<Found>(
  write: (isLast: boolean) => Promise<Found | undefined>,
): Promise<Found | undefined> {
  return (await write(false)) ?? (await write(true))
}
