import { buildWebApp } from '../../server/src/web-build.ts'

/** Once before all: servers that start at the same time must not build at the same time. */
export default async function setUp(): Promise<void> {
  await buildWebApp()
}
