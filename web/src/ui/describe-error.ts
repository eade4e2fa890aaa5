import { ApiError } from '../../../api-client/src/api-error.ts'
import { readPlanRefusal } from '../limits/plan-refusal.ts'

export interface ErrorWords {
  title: string
  detail: string
  requestId: string | null
}

/** Any thrown value in words for a person. */
export function describeError(error: unknown): ErrorWords {
  const refusal = readPlanRefusal(error)
  if (refusal) return { title: refusal.title, detail: refusal.detail, requestId: null }
  if (error instanceof ApiError) return { title: error.title, detail: error.detail, requestId: error.request_id }
  return {
    title: 'Something went wrong in this page.',
    detail: 'Try again, or reload the page. What was saved is safe.',
    requestId: null,
  }
}
