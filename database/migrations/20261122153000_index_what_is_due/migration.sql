-- What the server looks for each minute is found by an index of its own, however much has gathered beside it.

-- The moment from which the clock asks something of a subscription; see advance-subscriptions.ts.
-- An array instead of "in": PostgreSQL 15 describes the latter in other words once it was restored.
-- lint-allow blocks-writes: no version is released yet, so nobody has many of them
create index subscriptions__due on public.subscriptions (least(
  case when status = 'past_due' then coalesce(grace_until, '-infinity') end,
  case when source <> 'stripe' then least(end_date, period_end, case when status = 'trialing' then trial_end end) end
), user_id) where is_current and status = any ('{trialing,active,past_due}'::text[]);
-- lint-allow blocks-writes: no version is released yet, so nobody has many of them
create index limit_warnings__month on public.limit_warnings (month);
-- lint-allow blocks-writes: no version is released yet, so nobody has many of them
create index plan_requests__decided_at on public.plan_requests (decided_at);
-- What waits for its owner is counted on every page, among all that was ever decided.
-- lint-allow blocks-writes: no version is released yet, so nobody has many of them
create index approvals__status on public.approvals (user_id, status, id desc);
-- For sums over everybody; the index by user and hour is of no use to them.
-- lint-allow blocks-writes: no version is released yet, so nobody has many of them
create index usage_hours__hour on public.usage_hours (hour);
