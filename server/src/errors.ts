/**
 * Every error the API can answer, by its stable code. `title` says what happened, `action` what to do next.
 * docs/error-codes.md is made from this table.
 */
export const errorTable = {
  // requests
  invalid_request: [400, 'The request is not valid.', 'Correct the fields listed under `errors` and send it again.'],
  invalid_json: [400, 'The body is not valid JSON.', 'Send UTF-8 JSON without NUL characters.'],
  body_too_large: [413, 'The body is larger than allowed.', 'Send less, or split it into several requests.'],
  unsupported_media_type: [415, 'The content type is not supported.', 'Send `Content-Type: application/json`.'],
  not_found: [
    404,
    'There is nothing here, or it is not yours.',
    'Check the address and the account you are signed in with.',
  ],
  conflict: [409, 'The present state does not allow this.', 'Reload, look at what changed, and try again.'],
  rate_limited: [429, 'Too many requests.', 'Wait for the number of seconds in `Retry-After`.'],
  internal_error: [
    500,
    'Something went wrong on our side.',
    'Try again; if it stays, give the operator the request id.',
  ],
  unavailable: [503, 'The service is not ready.', 'Try again after the number of seconds in `Retry-After`.'],
  database_timeout: [
    503,
    'The database took too long.',
    'Ask for less at once, such as a shorter time or fewer rows, or try again after the number of seconds in `Retry-After`.',
  ],
  // accounts
  unauthenticated: [401, 'You are not signed in.', 'Sign in, or send a valid token or API key.'],
  wrong_credentials: [401, 'E-mail or password is not right.', 'Check both, or wait if you tried many times.'],
  too_many_attempts: [
    429,
    'Too many failed attempts.',
    'Wait for the number of seconds in `Retry-After`, then try again.',
  ],
  forbidden: [403, 'Your account may not do this.', 'Ask an admin.'],
  account_suspended: [403, 'This account is suspended.', 'Ask the operator of this site.'],
  cross_site_request: [
    403,
    'The request came from another site.',
    'Use this site itself, or a bearer token instead of cookies.',
  ],
  sign_up_closed: [403, 'This site does not take new accounts.', 'Ask the operator for an account.'],
  email_not_available: [
    409,
    'This e-mail cannot be used for a new account.',
    'Sign in instead, or use another address.',
  ],
  email_required: [
    403,
    'Your account has no e-mail address.',
    'Add one where you sign in, confirm it, and sign in again.',
  ],
  email_of_other_account: [
    409,
    'Another account of this site has your e-mail address.',
    'Sign in to that account with its password, or ask the operator to join the two.',
  ],
  password_managed_elsewhere: [409, 'Your password is managed by Supabase.', 'Change it where you signed in.'],
  fresh_sign_in_required: [
    403,
    'This needs a sign-in within the last 10 minutes.',
    'Sign out, sign in again, and repeat it.',
  ],
  // agents and runs
  invalid_settings: [
    422,
    'The settings do not fit the form of this agent.',
    'Correct the fields listed under `errors`.',
  ],
  invalid_capabilities: [422, 'The agent is not complete.', 'Correct the fields listed under `errors`.'],
  agent_in_use: [
    409,
    'Other people have configured this agent.',
    'Withdraw it from the catalogue instead of deleting it.',
  ],
  agent_not_active: [409, 'This agent is switched off.', 'Switch it on under "My agents" and try again.'],
  run_not_running: [409, 'This run has already ended.', 'Look at its log.'],
  conversation_not_found: [
    404,
    'There is no such conversation with this agent.',
    'Leave `conversation_id` out to begin a new one.',
  ],
  integration_missing: [
    409,
    'This agent needs an account that is not connected.',
    'Connect it on the page of the agent under "My agents".',
  ],
  approval_already_decided: [409, 'This has been decided already.', 'Look at the run to see what came of it.'],
  approval_expired: [
    409,
    'Nobody approved in time what the agent wanted to do.',
    'Nothing was done; send the input again.',
  ],
  idempotency_key_reused: [422, 'This Idempotency-Key was used with another body.', 'Use a new key for a new request.'],
  idempotency_in_progress: [
    409,
    'The first request with this Idempotency-Key is still running.',
    'Wait, then ask again with the same key.',
  ],
  model_not_allowed: [422, 'This model is not offered here.', 'Choose one of `GET /api/v1/models`.'],
  too_many_approvals: [
    409,
    'Too many of your runs wait for an approval.',
    'Nothing was done; decide about some of them or cancel them, then send the input again.',
  ],
  too_many_runs: [429, 'Too many runs at the same time.', 'Wait until one has finished.'],
  shutting_down: [503, 'The server is about to stop.', 'Try again after the number of seconds in `Retry-After`.'],
  // connected accounts
  invalid_integration: [422, 'The connection is not complete.', 'Correct the fields listed under `errors`.'],
  integration_limit: [409, 'This agent has as many integrations as fit.', 'Remove one that is not needed any more.'],
  oauth_not_configured: [
    409,
    'Signing in at this provider is not set up on this site.',
    'Ask the operator to register a client there; docs/integrations.md says how.',
  ],
  oauth_not_needed: [409, 'This connection needs no signing in.', 'Fill in its form instead.'],
  oauth_state_invalid: [
    400,
    'This sign-in was not begun by you, is too old, or was used already.',
    'Begin again from the page of your agent.',
  ],
  oauth_refused: [502, 'The provider did not let you in.', 'Begin again, and allow what is asked for.'],
  provider_unreachable: [502, 'The provider cannot be reached.', 'Check the address, then try again.'],
  delivery_pending: [409, 'This message is on its way already.', 'Wait until it has arrived or was given up.'],
  // plans and limits
  plan_limit_reached: [
    429,
    'A limit of your plan is reached.',
    'Wait until it starts anew (`resets_at`), or choose the plan under `upgrade`.',
  ],
  subscription_lapsed: [
    402,
    'Your subscription has ended.',
    'Choose a plan to go on; until then everything can be read, exported and deleted.',
  ],
  not_in_plan: [403, 'Your plan does not include this.', 'Choose a plan that does.'],
  cost_cap_reached: [
    429,
    'The money you allow yourself for this month is spent.',
    'Raise the cap under "Usage", or wait for the next month.',
  ],
  plan_not_available: [409, 'This plan cannot be chosen.', 'Choose one of `GET /api/v1/plans`.'],
  plan_needs_less: [
    409,
    'More is switched on than this plan includes.',
    'Say what is to stay on in `keep`; `errors` lists what does not fit.',
  ],
  subscription_change_not_allowed: [
    409,
    'The present state of the subscription does not allow this.',
    'How it stands is said under "Plan", and by `GET /api/v1/me/subscription`.',
  ],
  plan_request_open: [
    409,
    'You have asked for a plan already.',
    'Wait for the answer, or withdraw what you asked for.',
  ],
  plan_in_use: [409, 'Somebody has or had this plan.', 'Archive it: whoever has it keeps it.'],
  stripe_not_configured: [
    409,
    'Stripe is not set up on this site.',
    'Set `STRIPE_SECRET_KEY`; docs/selling.md says how.',
  ],
  stripe_error: [502, 'Stripe cannot be reached or refused.', 'Nothing was changed; try again in a minute.'],
  webhook_signature_invalid: [
    400,
    'This message is not signed by Stripe.',
    'Check `STRIPE_WEBHOOK_SECRET` and the clock of this server.',
  ],
  // how a run can fail: stored in agent_logs.error_code
  model_auth_failed: [502, 'The model provider refused the key.', 'Ask the operator to check the provider key.'],
  model_rate_limited: [503, 'The model provider is limiting requests.', 'Wait a little, then retry.'],
  model_quota_exceeded: [
    502,
    'The account at the model provider has no credit left.',
    'Ask the operator to top it up.',
  ],
  model_overloaded: [503, 'The model provider is overloaded.', 'Retry in a minute.'],
  model_error: [502, 'The model provider answered with an error.', 'Retry; if it stays, choose another model.'],
  model_bad_response: [
    502,
    'The model provider sent an answer that cannot be read.',
    'Retry; if it stays, check the base URL.',
  ],
  model_unreachable: [
    502,
    'The model provider cannot be reached.',
    'Check the base URL and the network of this server.',
  ],
  model_stream_cut: [
    502,
    'The model stopped in the middle of its answer.',
    'What came so far is kept; retry for a whole answer.',
  ],
  model_timeout: [504, 'The model did not answer in time.', 'What came so far is kept; retry.'],
  model_context_exceeded: [
    502,
    'The conversation is too long for this model.',
    'Begin a new conversation or shorten the texts in the settings.',
  ],
  model_refused: [502, 'The provider blocked the answer by its content rules.', 'Rephrase the question.'],
  run_timeout: [504, 'The run took longer than allowed.', 'What came so far is kept; ask for less in one go.'],
  step_limit: [502, 'The agent needed more steps than allowed.', 'Ask for less in one go.'],
  interrupted: [
    503,
    'The run was cut off because the server stopped.',
    'Your input is kept in the log; send it again.',
  ],
  cancelled: [409, 'The run was cancelled.', 'Send the input again when you want an answer.'],
} as const satisfies Record<string, readonly [status: number, title: string, action: string]>

export type ErrorCode = keyof typeof errorTable

/** Nothing is wrong with what was asked: the database is away or too busy, and the same may work a little later. */
export function isTemporary(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'unavailable' || error.code === 'database_timeout')
}

/** One fault in the input: `path` is a JSON pointer such as `/settings/faq/0/answer`. */
export interface Fault {
  path: string
  message: string
}

/** The one error class of the server; mapped to `application/problem+json` in `http/problem.ts`. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly faults: Fault[] | undefined
  readonly retryAfterSeconds: number | undefined
  /** Further members of the answer's body. */
  readonly more: Record<string, unknown> | undefined
  /** Further headers of the answer. */
  readonly headers: Record<string, string> | undefined

  constructor(
    code: ErrorCode,
    more: {
      detail?: string | undefined
      faults?: Fault[] | undefined
      retryAfterSeconds?: number | undefined
      cause?: unknown
      more?: Record<string, unknown> | undefined
      headers?: Record<string, string> | undefined
    } = {},
  ) {
    super(more.detail ?? errorTable[code][1], { cause: more.cause })
    this.name = 'AppError'
    this.code = code
    this.status = errorTable[code][0]
    this.faults = more.faults
    this.retryAfterSeconds = more.retryAfterSeconds
    this.more = more.more
    this.headers = more.headers
  }
}
