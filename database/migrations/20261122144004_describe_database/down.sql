-- Loses: nothing; the page of admins does not show migrations and partitions.
-- Keeps: everything.
drop function app.describe_database();
