-- Finds what was decided shortly before a server died, and with it the runs that it had gone on with.
create index approvals__decided_at on public.approvals (decided_at);
