import { type DestinationStream, type Logger, pino } from 'pino'

export type Log = Logger

// What a reader that has stopped reading (a paused terminal, a log collector that hangs) may leave unread before lines are
// dropped. Written in the background: a line that waits for its reader must not stop the server.
const maxUnreadBytes = 4 * 1024 * 1024
const triesAtExit = 10
/** pino begins each line with the level: 50 and 60 are errors. */
const isError = /^\{"level":[56]0\b/

let destination: ReturnType<typeof pino.destination> | null = null

function openStandardOutput(): ReturnType<typeof pino.destination> {
  let triesLeft = Number.POSITIVE_INFINITY
  process.once('exit', () => {
    triesLeft = triesAtExit
  })
  const opened = pino.destination({
    fd: 1,
    sync: false,
    maxLength: maxUnreadBytes,
    retryEAGAIN: () => triesLeft-- > 0,
  })
  // The terminal is closed. There is nowhere to say so.
  opened.on('error', () => {})
  return opened
}

/**
 * The program's log: one JSON object a line, on standard output unless a test reads it, with everything secret left out.
 * `onError` is given the lines of errors too.
 */
export function createLog(level: string, stream?: DestinationStream, onError?: (line: string) => void): Log {
  if (!stream) destination ??= openStandardOutput()
  const options = {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    ...(onError && {
      hooks: {
        streamWrite(line: string) {
          if (isError.test(line)) onError(line)
          return line
        },
      },
    }),
    redact: {
      paths: [
        'password',
        '*.password',
        'authorization',
        '*.authorization',
        'cookie',
        '*.cookie',
        'headers.authorization',
        'headers.cookie',
        'req.headers.authorization',
        'req.headers.cookie',
        '*.credentials',
        '*.api_key',
        '*.apiKey',
        '*.token',
      ],
      censor: '[secret]',
    },
  }
  return pino(options, stream ?? (destination as DestinationStream))
}
