import type { Socket } from 'node:net'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import { toProblem } from './problem.ts'

const statuses: Record<string, [status: number, words: string, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'The headers are larger than allowed.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request did not arrive in time.'],
}

/** Answers what Node's parser refuses (not HTTP, two lengths, too slow), of which there is no request yet, and hangs up. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  // A client that has hung up is no error, and nobody is there to read an answer.
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, words, detail] = statuses[error.code ?? ''] ?? [
    400,
    'Bad Request',
    'This is not a request of HTTP/1.1.',
  ]
  const body = JSON.stringify({ ...toProblem(new AppError('invalid_request', { detail }), createId()), status })
  const head = [
    `HTTP/1.1 ${status} ${words}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}
