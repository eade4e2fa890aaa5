import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError, UnauthorizedError } from '@modelcontextprotocol/client'
import { UrlFetchFailed, UrlRefused } from '../../../url-guard/url-refused.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import { ConnectionFailed } from '../../integration-type.ts'
import { ToolFailed } from './read-result.ts'

/** What went wrong, for owner and model: ConnectionFailed when it is the connection, else an error of the one call. */
export function explainMcpError(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  for (const cause of causesOf(error)) {
    const explained = explain(cause)
    if (explained) return explained
  }
  return new ConnectionFailed('unreachable', 'The server does not answer as an MCP server does.', error)
}

/** The server does not know our session any more, so the call was not begun. */
export function isSessionLost(error: unknown): boolean {
  if (!(error instanceof SdkHttpError)) return false
  // 404 is what the protocol says; servers that keep sessions in memory often answer 400 after a restart.
  return (
    error.status === 404 || (error.status === 400 && /session|not initialized/i.test(String(error.data.text ?? '')))
  )
}

export const isTimeout = (error: unknown) => error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout

function explain(error: unknown): Error | undefined {
  if (error instanceof ConnectionFailed || error instanceof ToolFailed) return error
  if (error instanceof UrlRefused) return new ConnectionFailed('refused', error.message, error)
  if (error instanceof UrlFetchFailed) {
    return new ConnectionFailed(error.reason === 'too-large' ? 'refused' : 'unreachable', error.message, error)
  }
  if (error instanceof UnauthorizedError) return new ConnectionFailed('credentials', refusal, error)
  if (error instanceof SdkHttpError) return explainStatus(error)
  if (error instanceof ProtocolError)
    return new Error(cleanToolText(error.message, 2000) || 'The server refused the call.')
  if (isTimeout(error)) return new Error('The server did not answer in time.')
  if (!(error instanceof SdkError)) return undefined
  if (error.code === SdkErrorCode.InvalidResult)
    return new Error('The result does not fit what the server promised of this tool.')
  if (error.code === SdkErrorCode.UnsupportedResultType)
    return new Error('The tool asks for more input from a person, which is not possible here.')
  if (error.code === SdkErrorCode.ConnectionClosed)
    return new ConnectionFailed('unreachable', 'The server ended the connection.', error)
  if (error.code === SdkErrorCode.ListPaginationExceeded)
    return new ConnectionFailed('refused', 'The server lists more tools than can be used.', error)
  return undefined
}

const refusal = 'The server does not accept the credentials.'

function explainStatus(error: SdkHttpError): ConnectionFailed {
  const { status } = error
  if (status === 401) return new ConnectionFailed('credentials', refusal, error)
  if (status === 403) return new ConnectionFailed('refused', 'The server denies access with these credentials.', error)
  if (status === 404 || status === 405) {
    return new ConnectionFailed('refused', `There is no MCP server at this address (status ${status}).`, error)
  }
  const kind = status !== undefined && status >= 500 ? 'unreachable' : 'refused'
  return new ConnectionFailed(kind, `The server answered with status ${status ?? 'unknown'}.`, error)
}

function* causesOf(error: unknown) {
  for (let [cause, depth] = [error, 0]; cause !== undefined && depth < 6; depth++) {
    yield cause
    cause = cause instanceof Error ? cause.cause : undefined
  }
}
