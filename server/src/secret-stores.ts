import type { SecretStore } from './crypto/secret-store.ts'
import { integrationSecrets } from './integrations/integration-secrets.ts'

/** Every column with secrets at rest: what a rotation encrypts anew and a start looks at. */
export const secretStores: SecretStore[] = [integrationSecrets]
