import { pipeline, type Readable, type Transform } from 'node:stream'

/** Whoever reads the last stream of a chain gets its error; the streams before it are only told to end. */
export function chain(source: Readable, target: Transform): Transform {
  source.on('error', () => {})
  target.on('error', () => {})
  pipeline(source, target, () => {})
  return target
}
