-- At least one row for every table, with every column filled that a migration could lose, and one of each kind that a
-- migration changes.
insert into public.installation (name, value) values ('fingerprint', '"abc"');
insert into public.server_nodes (id) values ('00000000-0000-7000-8000-000000000001');
insert into public.users (id, email, password, first_name, last_name, avatar_url, cost_cap_usd) values
  ('00000000-0000-7000-8000-0000000000a1', 'ada@example.test', '$argon2id$x', 'Ada', 'Lovelace', 'https://example.test/a.png', 25.50),
  ('00000000-0000-7000-8000-0000000000a2', 'bob@example.test', null, null, null, null, null);
insert into public.sessions (id, user_id, refresh_token_hash, previous_token_hash, user_agent_header, expires_at) values
  ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a1', '\x01', '\x02', 'Firefox', now() + interval '1 day');
insert into public.api_keys (id, user_id, name, prefix, key_hash, expires_at) values
  ('00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000a1', 'deploy', 'ax_abc', '\x03', now() + interval '1 day');
insert into public.sign_in_attempts (key_hash, failures, window_start) values ('\x04', 3, now());
insert into public.account_deletions (user_id) values ('00000000-0000-7000-8000-0000000000a3');
insert into public.agents (id, name, description, type, capabilities, is_public, creator_id, slug, version, changes) values
  ('00000000-0000-7000-8000-0000000000d1', 'Support', 'Answers', 'customer_service', '{"instructions": "ü"}', true, null, 'support', 2, '[{"version": 2, "summary": "better"}]'),
  ('00000000-0000-7000-8000-0000000000d2', 'Own', 'Mine', 'sales', '{}', false, '00000000-0000-7000-8000-0000000000a1', null, 1, '[]');
insert into public.agent_versions (agent_id, version, name, description, capabilities) values
  ('00000000-0000-7000-8000-0000000000d1', 1, 'Support', 'Answers', '{}'),
  ('00000000-0000-7000-8000-0000000000d1', 2, 'Support', 'Answers', '{"instructions": "ü"}'),
  ('00000000-0000-7000-8000-0000000000d2', 1, 'Own', 'Mine', '{}');
insert into public.user_agents (id, user_id, agent_id, settings, is_active, name, agent_version, model) values
  ('00000000-0000-7000-8000-0000000000e1', '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000d1', '{"tone": "warm"}', true, 'Mine', 2, 'gpt'),
  ('00000000-0000-7000-8000-0000000000e2', '00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-0000000000d1', '{}', false, 'Bob''s', 2, null);
insert into public.agent_logs (id, agent_id, user_id, "timestamp", input, output, metadata, user_agent_id, conversation_id, status, source, model, input_tokens, output_tokens, cost_usd, latency_ms, rating, rating_comment) values
  ('00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-0000000000a1', now(), 'Hello', 'Hi', '{"steps": [1]}', '00000000-0000-7000-8000-0000000000e1', '00000000-0000-7000-8000-0000000000f1', 'succeeded', 'chat', 'gpt', 10, 20, 0.00012345, 321, 1, 'thanks'),
  ('00000000-0000-7000-8000-0000000000f2', '00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-0000000000a2', '1999-01-01', 'Stray', null, '{}', null, '00000000-0000-7000-8000-0000000000f2', 'failed', 'api', null, null, null, null, null, null, null),
  ('00000000-0000-7000-8000-0000000000f3', '00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-0000000000a1', '2026-11-01 10:30:00+00', 'May I?', null, '{}', '00000000-0000-7000-8000-0000000000e1', '00000000-0000-7000-8000-0000000000f3', 'waiting', 'chat', 'gpt', null, null, null, null, null, null);
insert into public.idempotency_keys (user_id, key, request_hash, log_id, log_timestamp) values
  ('00000000-0000-7000-8000-0000000000a1', 'once', '\x05', '00000000-0000-7000-8000-0000000000f1', now());
insert into public.plans (id, name, description, price, features, slug, currency, yearly_price, trial_days, position, is_public, archived_at) values
  ('00000000-0000-7000-8000-000000000101', 'Pro', 'All', 19.90, '{"limits": {"runs_per_month": 1000}}', 'pro', 'EUR', 199, 14, 2, false, now());
insert into public.plans (id, name, description, price, features, is_default) values
  ('00000000-0000-7000-8000-000000000102', 'Free', 'Some', 0, '{"limits": {"runs_per_month": 10}}', true),
  ('00000000-0000-7000-8000-000000000103', 'Enterprise', 'By arrangement', 0, '{"limits": {}}', false);
insert into public.plans (id, name, description, price, features, slug) values
  ('00000000-0000-7000-8000-000000000104', 'Team', 'Nobody has it', 5, '{"limits": {}}', 'team');
update public.plans set is_by_arrangement = true where name = 'Enterprise';
insert into public.plan_offers (plan_id, user_id) values ('00000000-0000-7000-8000-000000000101', '00000000-0000-7000-8000-0000000000a2');
insert into public.subscriptions (id, user_id, plan_id, status, start_date, end_date, is_current, billing_interval, price, currency, source,
  period_start, period_end, trial_end, cancel_at_period_end, canceled_at, grace_until, next_plan_id, next_billing_interval, next_keep, stripe_subscription_id) values
  ('00000000-0000-7000-8000-000000000201', '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000101', 'active', now(), now() + interval '30 days',
   true, 'year', 199, 'EUR', 'stripe', now(), now() + interval '30 days', now(), true, now(), now(), '00000000-0000-7000-8000-000000000102', 'month', '{"user_agent_ids": []}', 'sub_1');
insert into public.subscriptions (id, user_id, plan_id, status, start_date, end_date, is_current) values
  ('00000000-0000-7000-8000-000000000202', '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000102', 'expired', '2026-01-01', '2026-02-01', false),
  ('00000000-0000-7000-8000-000000000203', '00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-000000000102', 'canceled', '2026-01-01', '2026-02-01', true),
  ('00000000-0000-7000-8000-000000000204', '00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-000000000101', 'incomplete', now(), null, false);
insert into public.subscription_events (id, subscription_id, user_id, type, from_status, to_status, from_plan_id, to_plan_id, actor_id, detail) values
  ('00000000-0000-7000-8000-000000000701', '00000000-0000-7000-8000-000000000201', '00000000-0000-7000-8000-0000000000a1', 'upgraded', 'trialing', 'active',
   '00000000-0000-7000-8000-000000000102', '00000000-0000-7000-8000-000000000101', '00000000-0000-7000-8000-0000000000a2', '{"why": "ü"}');
insert into public.plan_requests (id, user_id, plan_id, billing_interval, message, keep, status, answer, decided_by, decided_at) values
  ('00000000-0000-7000-8000-000000000702', '00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-000000000101', 'year', 'Please', '{}', 'accepted', 'Gladly', '00000000-0000-7000-8000-0000000000a1', now());
insert into public.usage_months (user_id, month, runs, running, input_tokens, output_tokens, cost_usd, reserved_cost_usd) values
  ('00000000-0000-7000-8000-0000000000a1', '2026-11-01', 5, 1, 50, 100, 0.5, 0.01);
insert into public.run_reservations (log_id, user_id, month, cost_usd, node_id) values
  ('00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000a1', '2026-11-01', 0.01, '00000000-0000-7000-8000-000000000001');
insert into public.limit_warnings (user_id, month, limit_name, threshold, emailed_at, attempts) values
  ('00000000-0000-7000-8000-0000000000a1', '2026-11-01', 'runs_per_month', 80, now(), 1);
insert into public.usage_reconciliations (id, month, users, released_reservations, differences) values
  ('00000000-0000-7000-8000-000000000703', '2026-11-01', 2, 1, '[{"runs": 1}]');
insert into public.model_prices (model, input_usd, output_usd) values ('gpt', 1.25, 10);
insert into public.audit_log (id, created_at, actor_id, action, target_type, target_id, detail, previous_hash, hash) values
  (1, now(), '00000000-0000-7000-8000-0000000000a1', 'user.suspend', 'user', '00000000-0000-7000-8000-0000000000a2', '{"reason": "ü"}', '', '\x06');
insert into public.stripe_customers (user_id, customer_id, last_fetch, written_fetch) values ('00000000-0000-7000-8000-0000000000a1', 'cus_1', 3, 2);
insert into public.stripe_prices (price_id, product_id, plan_id, billing_interval, amount_cents, currency, is_current) values
  ('price_1', 'prod_1', '00000000-0000-7000-8000-000000000101', 'year', 19900, 'EUR', false);
insert into public.stripe_events (id, type, object_id, customer_id, created_at, handled_at, attempts, next_attempt_at, failure) values
  ('evt_1', 'invoice.paid', 'in_1', 'cus_1', now(), now(), 1, null, 'Nobody answered.');
insert into public.encryption_keys (id) values ('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA');
insert into public.integrations (id, user_agent_id, type, credentials, settings, credentials_key_id, status,
  name, credentials_summary, tool_permissions, tools, tools_listed_at, failure, failing_since, last_tested_at, refresh_lease_until)
select '00000000-0000-7000-8000-000000000301', '00000000-0000-7000-8000-0000000000e1', 'mcp',
  jsonb_build_object(
    'protected', translate(replace(encode('{"alg":"dir","enc":"A256GCM","kid":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}', 'base64'), e'\n', ''), '+/=', '-_'),
    'iv', 'aaaa', 'ciphertext', 'bbbb', 'tag', 'cccc', 'aad', 'dddd'),
  '{"url": "https://example.test"}', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'connected',
  'Office', '{"token": "…1234"}', '{"send": "always"}', '[{"name": "send"}]', now(), 'Nobody answers.', now(), now(), now();
insert into public.approvals (id, user_id, user_agent_id, log_id, log_timestamp, integration_id, tool_call_id, tool, title, description, input, edited_input, reason, status, comment, expires_at, decided_at) values
  ('00000000-0000-7000-8000-000000000401', '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000e1', '00000000-0000-7000-8000-0000000000f1', now(), '00000000-0000-7000-8000-000000000301', 'call-1', 'mcp__send', 'Send', 'Send "Hello"', '{"text": "Hello"}', '{"text": "Hi"}', 'writes', 'approved', 'shorter', now(), now());
insert into public.waiting_runs (log_id, log_timestamp, user_id, user_agent_id, state, expires_at) values
  ('00000000-0000-7000-8000-0000000000f3', '2026-11-01 10:30:00+00', '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000e1', '{"messages": []}', now());
insert into public.memories (id, user_id, user_agent_id, content, is_untrusted) values
  ('00000000-0000-7000-8000-000000000501', '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000e1', 'Likes tea.', true);
insert into public.webhook_deliveries (id, integration_id, user_id, log_id, event, payload, status, attempts, next_attempt_at, response_status, failure, delivered_at) values
  ('00000000-0000-7000-8000-000000000601', '00000000-0000-7000-8000-000000000301', '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000f1', 'run.ended', '{}', 'delivered', 2, null, 204, 'Nobody answered.', now());
-- usage_rollup has its one row; all is counted.
update public.usage_rollup set rolled_until = '2026-11-01 11:00:00+00';
insert into public.usage_hours (id, user_id, hour, agent_id, user_agent_id, source, model, runs, succeeded, failed, cancelled, interrupted, input_tokens, output_tokens, cost_usd, unpriced_runs, latency_ms, timed_runs) values
  ('00000000-0000-7000-8000-000000000401', '00000000-0000-7000-8000-0000000000a1', '2026-11-01 10:00:00+00', '00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-0000000000e1', 'chat', 'gpt', 5, 2, 1, 1, 1, 50, 100, 0.5, 1, 4000, 4);
