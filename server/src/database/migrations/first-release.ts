import type { LintRule } from './lint-rules.ts'

/**
 * Migrations from before the first version, and the rules that each breaks: no version was running yet that could have had
 * to wait or been broken, and their files can no longer be edited to say so beside the statement (lint-allow). The list is
 * closed. Whatever is not in it is bound, whatever its date.
 */
export const firstRelease: Readonly<Record<string, readonly LintRule[]>> = {
  // Who they are is asked without signing in.
  '20261122090000_create_roles_and_identity': ['open-to-all'],
  // The catalogue is read without signing in; its policy shows no more.
  '20261122090200_create_agents': ['open-to-all'],
  // Begins with its first statement; everybody sees what plans cost.
  '20261122090400_create_plans': ['description', 'open-to-all'],
  '20261122090500_create_integrations': ['description'],
  // Fills its new column past the owner's policies, then checks it; few accounts were connected.
  '20261122100000_add_key_id_to_integrations': ['blocks-writes', 'constraint-not-valid', 'data-change'],
  // Checks of columns that it adds itself, and one more status of logs.
  '20261122130000_use_integrations': ['constraint-not-valid'],
  // Of a table that was two migrations old.
  '20261122132000_index_approval_decisions': ['blocks-writes'],
  // Rewrites plans and subscriptions, of which nothing had been sold; the deployer lifts its policies (past-policies.ts).
  '20261122140000_sell_plans': [
    'blocks-writes',
    'breaks-running-version',
    'constraint-not-valid',
    'data-change',
    'past-policies',
  ],
  // A check of a column that it adds itself.
  '20261122141000_count_runs_for_limits': ['constraint-not-valid'],
}
