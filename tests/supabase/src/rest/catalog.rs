//! What the database has: columns of tables, functions and their arguments. Asked at every request, never stale.

use tokio_postgres::Client;

use super::error::RestError;

pub(crate) struct Table {
    pub(crate) name: String,
    columns: Vec<Column>,
    pub(crate) primary_key: Vec<String>,
}

pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) type_name: String,
    /// The expression of its default, if it has one.
    pub(crate) default: Option<String>,
}

impl Table {
    pub(crate) async fn find(client: &Client, name: &str) -> Result<Self, RestError> {
        let rows = client.query(COLUMNS, &[&name]).await.map_err(|error| RestError::database(&error, false))?;
        if rows.is_empty() {
            let message = format!("Could not find the table 'public.{name}' in the schema cache");
            return Err(RestError::new(404, "PGRST205", message));
        }
        let columns = rows.iter().map(|row| Column {
            name: row.get("name"),
            type_name: row.get("type"),
            default: row.get("default"),
        });
        let keys = rows.iter().filter(|row| row.get("is_key")).map(|row| row.get("name"));
        Ok(Self { name: name.to_owned(), primary_key: keys.collect(), columns: columns.collect() })
    }

    pub(crate) fn column(&self, name: &str) -> Result<&Column, RestError> {
        let found = self.columns.iter().find(|column| column.name == name);
        found.ok_or_else(|| RestError::unknown_column(&self.name, name))
    }
}

const COLUMNS: &str = "
    select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type,
        case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end as default,
        coalesce(a.attnum = any (k.conkey), false) as is_key
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    left join pg_catalog.pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
    where n.nspname = 'public' and c.relname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')
    order by a.attnum";

pub(crate) struct Function {
    pub(crate) name: String,
    /// Names and types of the arguments that are passed.
    pub(crate) arguments: Vec<(String, String)>,
    pub(crate) returns: Returns,
    pub(crate) returns_set: bool,
    pub(crate) read_only: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returns {
    Void,
    Scalar,
    Row,
}

impl Function {
    /// The function that takes these arguments, and whose other ones have defaults.
    pub(crate) async fn find(client: &Client, name: &str, passed: &[String]) -> Result<Self, RestError> {
        let rows = client.query(FUNCTIONS, &[&name]).await.map_err(|error| RestError::database(&error, false))?;
        for row in rows {
            let names: Vec<String> = row.get("names");
            let types: Vec<String> = row.get("types");
            let required = names.len().saturating_sub(usize::try_from(row.get::<_, i32>("defaults")).unwrap_or(0));
            let all_known = passed.iter().all(|argument| names.contains(argument));
            let none_missing = names[..required].iter().all(|argument| passed.contains(argument));
            if all_known && none_missing {
                let arguments = names.into_iter().zip(types).filter(|(name, _)| passed.contains(name));
                return Ok(Self {
                    name: name.to_owned(),
                    arguments: arguments.collect(),
                    returns: match row.get("returns") {
                        "void" => Returns::Void,
                        "row" => Returns::Row,
                        _ => Returns::Scalar,
                    },
                    returns_set: row.get("returns_set"),
                    read_only: row.get("read_only"),
                });
            }
        }
        let (with, of) = if passed.is_empty() {
            (" without parameters".to_owned(), " without parameters".to_owned())
        } else {
            let list = passed.join(", ");
            (format!("({list})"), format!(" with parameter{} {list}", if passed.len() > 1 { "s" } else { "" }))
        };
        let message = format!("Could not find the function public.{name}{with} in the schema cache");
        let details = format!(
            "Searched for the function public.{name}{of} or with a single unnamed json/jsonb parameter, but no matches \
             were found in the schema cache."
        );
        Err(RestError::new(404, "PGRST202", message).details(details))
    }
}

const FUNCTIONS: &str = "
    select p.proretset as returns_set, p.provolatile <> 'v' as read_only, p.pronargdefaults::int as defaults,
        coalesce((
            select array_agg(format_type(input.type, null) order by input.position)
            from unnest(p.proargtypes) with ordinality input (type, position)
        ), '{}') as types,
        coalesce((
            select array_agg(coalesce(argument.name, '') order by argument.position)
            from unnest(p.proargnames) with ordinality argument (name, position)
            where p.proargmodes is null or p.proargmodes[argument.position] in ('i', 'b', 'v')
        ), '{}') as names,
        case
            when t.typname = 'void' then 'void'
            when t.typtype = 'c' or 't' = any (p.proargmodes) or 'o' = any (p.proargmodes) then 'row'
            else 'scalar'
        end as returns
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_type t on t.oid = p.prorettype
    where n.nspname = 'public' and p.proname = $1 and p.prokind = 'f'";
