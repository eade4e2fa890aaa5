import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Where the server's own connections meet the embedded PostgreSQL: a socket in its data folder, which nobody else may
 * enter, costs each round trip less than the loopback network. Null where it cannot be: on Windows, under a path longer
 * than the 104 bytes of the shortest `sockaddr_un`, or with characters that PostgreSQL's list of folders wants quoted.
 */
export function findSocketFolder(folder: string): string | null {
  const isPossible = process.platform !== 'win32' && /^[\w./-]+$/.test(folder) && folder.length <= 80
  return isPossible ? folder : null
}

/** Of a PostgreSQL that was killed; the next one takes another port and would leave them for ever. */
export async function removeDeadSockets(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^\.s\.PGSQL\.\d+(\.lock)?$/.test(name)) await rm(join(folder, name), { force: true })
  }
}
