-- Who was told by e-mail what happened to their plan, which limit a warning is about, and how much a comparison found.

alter table public.limit_warnings
  -- How high the limit was: a higher one is worth a warning of its own.
  add column limit_value numeric(20, 8);

alter table public.subscription_events
  -- Set before the e-mail is handed over, and taken back where it surely was not: nobody is told twice.
  add column emailed_at timestamptz(6),
  add column email_attempts integer not null default 0;

alter table public.plan_requests
  add column emailed_at timestamptz(6),
  add column email_attempts integer not null default 0;

alter table public.usage_reconciliations
  -- Of users; `differences` lists the first hundred.
  add column difference_count integer not null default 0;
