-- Loses: nothing; past the server, users see again which admin it was, and everybody a default plan that is not public.
-- Keeps: everything.
drop policy plans_select_default on public.plans;
drop policy plans_select_public on public.plans;
create policy plans_select_public on public.plans for select to anon, authenticated
  using ((is_public or is_default) and archived_at is null);
-- Those on single columns go along.
revoke select on public.plan_requests from authenticated;
grant select on public.plan_requests to authenticated;
revoke select on public.subscription_events from authenticated;
grant select on public.subscription_events to authenticated;
