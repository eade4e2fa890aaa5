import { ApiError } from '../../../api-client/src/api-error.ts'

export interface ErrorWords {
  title: string
  detail: string
  requestId: string | null
}

/** Any thrown value in words for a person. */
export function describeError(error: unknown): ErrorWords {
  if (error instanceof ApiError) return { title: error.title, detail: error.detail, requestId: error.request_id }
  return {
    title: 'Something went wrong in this page.',
    detail: 'Try again, or reload the page. What was saved is safe.',
    requestId: null,
  }
}
