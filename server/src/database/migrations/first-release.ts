import type { LintRule } from './lint-rules.ts'

/**
 * Migrations from before the first version, and the rules that each breaks. They were deployed together, onto databases
 * without a running version that could have waited or broken. The list is closed: a migration that is not in it is bound,
 * whatever its date, and says its exceptions beside the statement (lint-allow). Released files cannot be edited, so theirs
 * stand here.
 */
export const firstRelease: Readonly<Record<string, readonly LintRule[]>> = {
}
