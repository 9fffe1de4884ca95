//! A stand-in for Supabase over a real PostgreSQL.
