-- Loses: the audit log (`audit_log`).
-- Keeps: everything it tells of.
drop function app.record_audit(uuid, varchar, varchar, varchar, jsonb);
drop function app.hash_audit_entry(public.audit_log);
drop table public.audit_log;
drop function app.keep_audit_log();
