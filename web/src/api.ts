import { createApiClient } from '../../api-client/src/api-client.ts'
import { noteSignedOut } from './auth/session-state.ts'

/** The API of the server this page came from; the session lives in httpOnly cookies. */
export const api = createApiClient({ onSignedOut: noteSignedOut })
