import { type Logger, pino } from 'pino'

export type Log = Logger

/** The program's log: one JSON object a line on standard output, with everything secret left out. */
export function createLog(level: string): Log {
  return pino({
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
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
  })
}
