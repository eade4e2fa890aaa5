-- Loses: nothing.
-- Keeps: everything.
drop index public.approvals__decided_at;
