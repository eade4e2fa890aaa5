-- What the API does not tell, PostgREST does not show either: which admin changed a subscription or answered a request, and
-- a default plan that is not public to whoever does not have it.

-- lint-allow breaks-running-version: no released version reads these columns as a user
revoke select on public.subscription_events from authenticated;
grant select (id, subscription_id, user_id, type, from_status, to_status, from_plan_id, to_plan_id, detail, created_at)
  on public.subscription_events to authenticated;
-- lint-allow breaks-running-version: no version reads as a user who decided, or when it was mailed
revoke select on public.plan_requests from authenticated;
grant select (id, user_id, plan_id, billing_interval, message, keep, status, answer, decided_at, created_at)
  on public.plan_requests to authenticated;

drop policy plans_select_public on public.plans;
create policy plans_select_public on public.plans for select to anon, authenticated using (is_public and archived_at is null);
-- Whoever has no subscription has the default plan, shown in the list or not.
create policy plans_select_default on public.plans for select to authenticated using (
  is_default and not exists (select from public.subscriptions where user_id = (select auth.uid()) and is_current));
