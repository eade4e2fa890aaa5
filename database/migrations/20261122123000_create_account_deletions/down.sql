-- Loses: which users of Supabase Auth deleted their account (`account_deletions`): a page of theirs that is still open
-- makes it anew, empty.
-- Keeps: all accounts.
drop table public.account_deletions;
