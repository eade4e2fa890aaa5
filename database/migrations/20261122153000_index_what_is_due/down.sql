-- Loses: nothing.
-- Keeps: everything; what is due each minute is looked for in whole tables again.
drop index public.usage_hours__hour;
drop index public.approvals__status;
drop index public.plan_requests__decided_at;
drop index public.limit_warnings__month;
drop index public.subscriptions__due;
