/**
 * Everything that anon and authenticated may do in this database. Columns are named one by one also where the whole table
 * is granted, so that a new column is read by nobody before it stands here.
 */
export interface TablePrivileges {
  select: string
  insert?: string
  update?: string
  delete?: true
}

const agents =
  'id name description type capabilities is_public creator_id slug version changes publication_requested_at publication_note created_at updated_at'
const plans =
  'id name description price features slug created_at updated_at currency yearly_price trial_days position is_public is_default is_by_arrangement archived_at'

export const ofAnon: Record<string, TablePrivileges> = {
  agents: { select: agents },
  plans: { select: plans },
}

// What of this the server alone may do, policies and triggers decide: policy-matrix.test.ts has the list.
export const ofAuthenticated: Record<string, TablePrivileges> = {
  users: {
    select: 'id email first_name last_name avatar_url role suspended_at created_at updated_at cost_cap_usd',
    update: 'first_name last_name avatar_url cost_cap_usd',
  },
  sessions: { select: 'id user_id rotated_at user_agent_header created_at expires_at', delete: true },
  api_keys: {
    select: 'id user_id name prefix last_used_at expires_at revoked_at created_at',
    insert: 'id user_id name prefix key_hash expires_at',
    update: 'name expires_at revoked_at',
    delete: true,
  },
  agents: {
    select: agents,
    insert: 'id name description type capabilities creator_id version changes',
    update: 'name description type capabilities is_public version changes publication_requested_at publication_note',
    delete: true,
  },
  agent_versions: {
    select: 'agent_id version name description capabilities created_at',
    insert: 'agent_id version name description capabilities',
  },
  user_agents: {
    select: 'id user_id agent_id settings is_active name agent_version model created_at updated_at',
    insert: 'id user_id agent_id settings is_active name agent_version model',
    update: 'settings is_active name agent_version model',
    delete: true,
  },
  integrations: {
    select:
      'id user_agent_id type settings created_at updated_at status name credentials_summary tool_permissions tools tools_listed_at failure failing_since last_tested_at',
    insert:
      'id user_agent_id type credentials settings credentials_key_id name credentials_summary tool_permissions tools tools_listed_at last_tested_at',
    update:
      'credentials settings credentials_key_id status name credentials_summary tool_permissions tools tools_listed_at failure failing_since last_tested_at',
    delete: true,
  },
  approvals: {
    select:
      'id user_id user_agent_id log_id log_timestamp integration_id tool_call_id tool title description input edited_input reason status comment created_at expires_at decided_at',
    delete: true,
  },
  waiting_runs: { select: 'log_id log_timestamp user_id user_agent_id expires_at created_at', delete: true },
  memories: {
    select: 'id user_id user_agent_id content is_untrusted created_at',
    insert: 'id user_id user_agent_id content is_untrusted created_at',
    delete: true,
  },
  webhook_deliveries: {
    select:
      'id integration_id user_id log_id event payload status attempts next_attempt_at response_status failure created_at delivered_at',
    insert:
      'id integration_id user_id log_id event payload status attempts next_attempt_at response_status failure created_at delivered_at',
    update: 'status attempts next_attempt_at',
    delete: true,
  },
  agent_logs: {
    select:
      'id agent_id user_id timestamp input output metadata user_agent_id conversation_id status error_code source model input_tokens output_tokens cost_usd latency_ms rating rating_comment node_id has_untrusted',
    insert:
      'id agent_id user_id timestamp input output metadata user_agent_id conversation_id status error_code source model input_tokens output_tokens cost_usd latency_ms rating rating_comment node_id has_untrusted',
    update:
      'output metadata status error_code model input_tokens output_tokens cost_usd latency_ms rating rating_comment has_untrusted',
    delete: true,
  },
  idempotency_keys: {
    select: 'user_id key request_hash log_id log_timestamp created_at',
    insert: 'user_id key request_hash log_id log_timestamp created_at',
  },
  // Policies let admins alone write them, and a trigger nobody past the server.
  plans: { select: plans, insert: plans, update: plans, delete: true },
  plan_offers: { select: 'plan_id user_id created_at' },
  subscriptions: {
    select:
      'id user_id plan_id status start_date end_date created_at updated_at is_current billing_interval price currency source period_start period_end trial_end cancel_at_period_end canceled_at grace_until next_plan_id next_billing_interval next_keep stripe_subscription_id',
  },
  // Without actor_id and decided_by: which admin it was is not for users to know.
  subscription_events: {
    select: 'id subscription_id user_id type from_status to_status from_plan_id to_plan_id detail created_at',
  },
  plan_requests: {
    select: 'id user_id plan_id billing_interval message keep status answer decided_at created_at',
  },
  usage_months: {
    select: 'user_id month runs running input_tokens output_tokens cost_usd reserved_cost_usd',
  },
  usage_hours: {
    select:
      'id user_id hour agent_id user_agent_id source model runs succeeded failed cancelled interrupted input_tokens output_tokens cost_usd unpriced_runs latency_ms timed_runs is_correction',
  },
  usage_rollup: { select: 'id rolled_until' },
  limit_warnings: { select: 'user_id month limit_name threshold created_at emailed_at attempts limit_value' },
  // A policy shows them to admins alone.
  audit_log: { select: 'id created_at actor_id action target_type target_id detail previous_hash hash' },
}

/** Besides those of the schema auth, which tell nothing but the claims of the one who asks. */
export const functionsOf: Record<'anon' | 'authenticated', string[]> = {
  anon: ['app.is_admin'],
  authenticated: [
    'app.check_agent_content',
    'app.check_agent_version',
    'app.hash_audit_entry',
    'app.is_active_user',
    'app.is_admin',
    'app.is_past_server',
    'app.leave_to_server',
    'app.record_audit',
    'app.reserve_run',
    'app.set_updated_at',
    'app.settle_run',
  ],
}
