-- Loses: who was told by e-mail of changes to their plan (`subscription_events.emailed_at`,
-- `subscription_events.email_attempts`, `plan_requests.emailed_at`, `plan_requests.email_attempts`), how high the limits of
-- warnings were (`limit_warnings.limit_value`), and how many differences comparisons found
-- (`usage_reconciliations.difference_count`).
-- Keeps: the warnings, the history of subscriptions, plan requests, and the comparisons with the differences they list.
alter table public.usage_reconciliations drop column difference_count;
alter table public.plan_requests drop column email_attempts, drop column emailed_at;
alter table public.subscription_events drop column email_attempts, drop column emailed_at;
alter table public.limit_warnings drop column limit_value;
