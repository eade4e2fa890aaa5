import type pg from 'pg'

export interface CatalogObject {
  /** Null for what belongs to the whole database. */
  schema: string | null
  /** What it is and its full name. */
  object: string
  definition: string
}

// Privileges of the owner go without saying.
const acl = (alias: string) => `(case when ${alias}.grantee = 0 then 'public' else ${alias}.grantee::regrole::text end)`
const owner = (role: string) =>
  `case when ${role} = current_user::regrole then 'the deployer' else ${role}::regrole::text end`

/** Each part answers schema, object and definition; `s` are the schemas that are not PostgreSQL's own. */
const parts = {
  extensions: `select null::name, 'extension ' || extname, 'in ' || extnamespace::regnamespace from pg_extension`,
  schemas: `select s.nspname, 'schema ' || s.nspname, format('owner=%s comment=%s', ${owner('s.nspowner')}, obj_description(s.oid, 'pg_namespace')) from s`,
  tables: `select s.nspname, format('%s %s.%s', case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
        when 'f' then 'foreign table' when 'c' then 'composite type' else 'table' end, s.nspname, c.relname),
      format('kind=%s persistence=%s rls=%s forced=%s options=%s identity=%s parent=%s bound=%s by=%s owner=%s comment=%s query=%s',
        c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.reloptions, c.relreplident,
        (select string_agg(inhparent::regclass::text, ', ') from pg_inherits where inhrelid = c.oid),
        pg_get_expr(c.relpartbound, c.oid), case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
        ${owner('c.relowner')}, obj_description(c.oid, 'pg_class'),
        case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end)
    from pg_class c join s on s.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')`,
  columns: `select s.nspname, format('column %s.%s.%s', s.nspname, c.relname, a.attname),
      format('place=%s type=%s notnull=%s default=%s identity=%s generated=%s collation=%s storage=%s compression=%s options=%s comment=%s',
        row_number() over (partition by c.oid order by a.attnum), format_type(a.atttypid, a.atttypmod), a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, nullif(a.attcollation, 0)::regcollation, a.attstorage,
        a.attcompression, a.attoptions, col_description(c.oid, a.attnum))
    from pg_attribute a join pg_class c on c.oid = a.attrelid join s on s.oid = c.relnamespace
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')`,
  indexes: `select s.nspname, format('index %s.%s', s.nspname, c.relname),
      format('%s valid=%s ready=%s options=%s parent=%s', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready, c.reloptions,
        (select inhparent::regclass from pg_inherits where inhrelid = c.oid))
    from pg_index i join pg_class c on c.oid = i.indexrelid join s on s.oid = c.relnamespace`,
  constraints: `select s.nspname, format('constraint %s on %s', k.conname, coalesce(k.conrelid::regclass::text, k.contypid::regtype::text)),
      format('%s validated=%s comment=%s', pg_get_constraintdef(k.oid), k.convalidated, obj_description(k.oid, 'pg_constraint'))
    from pg_constraint k join s on s.oid = k.connamespace
    -- PostgreSQL 18 also lists NOT NULL here, which stands with the columns.
    where k.contype <> 'n'`,
  policies: `select s.nspname, format('policy %s on %s.%s', p.policyname, p.schemaname, p.tablename),
      format('%s %s to %s using %s check %s comment=%s', p.permissive, p.cmd, p.roles, p.qual, p.with_check, obj_description(o.oid, 'pg_policy'))
    from pg_policies p join s on s.nspname = p.schemaname
    join pg_policy o on o.polname = p.policyname and o.polrelid = format('%I.%I', p.schemaname, p.tablename)::regclass`,
  functions: `select s.nspname, format('function %s.%s(%s)', s.nspname, f.proname, pg_get_function_identity_arguments(f.oid)),
      format('%s owner=%s comment=%s', case when f.prokind = 'a' then 'aggregate' else pg_get_functiondef(f.oid) end,
        ${owner('f.proowner')}, obj_description(f.oid, 'pg_proc'))
    from pg_proc f join s on s.oid = f.pronamespace
    where not exists (select from pg_depend where objid = f.oid and deptype = 'e')`,
  triggers: `select s.nspname, format('trigger %s on %s.%s', t.tgname, s.nspname, c.relname),
      format('%s enabled=%s comment=%s', pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid, 'pg_trigger'))
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join s on s.oid = c.relnamespace where not t.tgisinternal`,
  rules: `select s.nspname, format('rule %s on %s.%s', r.rulename, s.nspname, c.relname), pg_get_ruledef(r.oid)
    from pg_rewrite r join pg_class c on c.oid = r.ev_class join s on s.oid = c.relnamespace where r.rulename <> '_RETURN'`,
  types: `select s.nspname, format('type %s.%s', s.nspname, t.typname),
      format('%s base=%s notnull=%s default=%s labels=%s comment=%s', t.typtype, nullif(t.typbasetype, 0)::regtype, t.typnotnull, t.typdefault,
        (select array_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = t.oid), obj_description(t.oid, 'pg_type'))
    from pg_type t join s on s.oid = t.typnamespace where t.typtype in ('e', 'd', 'r')
      and not exists (select from pg_depend where objid = t.oid and deptype = 'e')`,
  statistics: `select s.nspname, format('statistics %s.%s', s.nspname, x.stxname), pg_get_statisticsobjdef(x.oid)
    from pg_statistic_ext x join s on s.oid = x.stxnamespace`,
  sequences: `select s.nspname, format('sequence settings %s.%s', s.nspname, q.sequencename),
      format('type=%s start=%s min=%s max=%s by=%s cycle=%s cache=%s', q.data_type, q.start_value, q.min_value, q.max_value, q.increment_by, q.cycle, q.cache_size)
    from pg_sequences q join s on s.nspname = q.schemaname`,
  privileges: `select s.nspname, format('privilege %s on table %s.%s of %s', x.privilege_type, s.nspname, c.relname, ${acl('x')}), 'grantable=' || x.is_grantable
    from pg_class c join s on s.oid = c.relnamespace, aclexplode(c.relacl) x where x.grantee <> c.relowner
    union all
    select s.nspname, format('privilege %s on column %s.%s.%s of %s', x.privilege_type, s.nspname, c.relname, a.attname, ${acl('x')}), 'grantable=' || x.is_grantable
    from pg_attribute a join pg_class c on c.oid = a.attrelid join s on s.oid = c.relnamespace, aclexplode(a.attacl) x
    where not a.attisdropped and x.grantee <> c.relowner
    union all
    select s.nspname, format('privilege %s on function %s.%s(%s) of %s', x.privilege_type, s.nspname, f.proname, pg_get_function_identity_arguments(f.oid), ${acl('x')}), 'grantable=' || x.is_grantable
    from pg_proc f join s on s.oid = f.pronamespace, aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) x
    where x.grantee <> f.proowner and not exists (select from pg_depend where objid = f.oid and deptype = 'e')
    union all
    select s.nspname, format('privilege %s on schema %s of %s', x.privilege_type, s.nspname, ${acl('x')}), 'grantable=' || x.is_grantable
    from s, aclexplode(s.nspacl) x where x.grantee <> s.nspowner`,
  defaultPrivileges: `select null::name, format('default privileges of %s in %s on %s', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype), defaclacl::text from pg_default_acl`,
  eventTriggers: `select null::name, 'event trigger ' || evtname, format('%s %s %s', evtevent, evtfoid::regproc, evttags) from pg_event_trigger`,
  settings: `select null::name, 'settings of ' || coalesce(nullif(setrole, 0)::regrole::text, 'the database'), setconfig::text
    from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())`,
}

const text = `with s as (
    select oid, nspname, nspowner, nspacl from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
  ), objects (schema, object, definition) as (${Object.values(parts).join('\nunion all\n')})
  select * from objects where object !~ '_prisma_migrations' order by object collate "C", definition collate "C"`

/** Everything a migration can change, sorted; without PostgreSQL's own objects, those of extensions and the ledger. */
export async function readCatalog(client: pg.Client): Promise<CatalogObject[]> {
  // Names are qualified in the answers, whatever the session's search path is.
  await client.query(`begin transaction isolation level repeatable read read only; set local search_path = ''`)
  try {
    return (await client.query<CatalogObject>(text)).rows
  } finally {
    await client.query('rollback')
  }
}
