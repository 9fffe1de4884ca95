//! A project for a test, and clients by hand.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;
use vyx_supabase::cluster::Cluster;
use vyx_supabase::{Standin, sql};

/// How long a test waits for what must come. It only guards against hanging.
const HANG_GUARD: std::time::Duration = std::time::Duration::from_secs(60);

pub const WRITE: &str = "resolution=ignore-duplicates,return=minimal,missing=default,count=exact";

/// A stand-in over a database of its own, with the tables that the official client is checked on.
pub struct Project {
    pub standin: Standin,
    pub database: String,
    client: reqwest::Client,
}

impl Project {
    pub fn new() -> Self {
        Self::on(Cluster::shared())
    }

    pub fn on(cluster: &Cluster) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("standin_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let database = cluster.create_database(&name).unwrap();
        sql::execute(&cluster.url_as(&name, "postgres"), include_str!("../../js/fixture.sql")).unwrap();
        let standin = Standin::start(&database).unwrap();
        static PROVIDER: Once = Once::new();
        // The client library wants to be told which cryptography to use, also where there is none to do.
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        // Without a pool every request is a connection of its own: nobody sends it again by himself.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { standin, database, client }
    }

    /// A request as service_role, by the opaque key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).header("apikey", self.standin.service_secret())
    }

    /// A request without a key.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.standin.url()))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// An insert as the host does it.
    pub fn insert(&self, rows: &Value) -> RequestBuilder {
        let path = "/rest/v1/items?on_conflict=id&columns=id,name,enabled,payload";
        self.request(Method::POST, path).header("prefer", WRITE).json(rows)
    }

    pub async fn insert_ok(&self, rows: &Value) {
        let answer = self.insert(rows).send().await.unwrap();
        assert_eq!(answer.status(), 201);
    }

    pub async fn update_ok(&self, id: Uuid, fields: &Value) {
        let path = format!("/rest/v1/items?id=eq.{id}");
        let answer = self.request(Method::PATCH, &path).json(fields).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }

    /// How many rows of the table have this id.
    pub async fn rows_of(&self, id: Uuid) -> usize {
        let answer = self.get(&format!("/rest/v1/items?id=eq.{id}&select=id")).send().await.unwrap();
        body(answer).await.as_array().unwrap().len()
    }

    pub async fn socket(&self) -> Socket {
        let url = self.standin.url().replace("http://", "ws://");
        let url = format!("{url}/realtime/v1/websocket?apikey={}&vsn=2.0.0", self.standin.service_secret());
        let (stream, _) = connect_async(url).await.unwrap();
        Socket { stream, next: 0 }
    }
}

pub fn item(id: Uuid) -> Value {
    json!({"id": id, "name": "thing"})
}

pub async fn body(answer: Response) -> Value {
    answer.json().await.unwrap()
}

pub fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// A WebSocket by hand, in version 2.0.0.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
}

/// The channel that tests join.
pub const TOPIC: &str = "realtime:test";

impl Socket {
    /// Sends a message; its reference is returned.
    pub async fn send(&mut self, topic: &str, event: &str, payload: Value) -> String {
        self.next += 1;
        let reference = self.next.to_string();
        let message = json!(["1", reference, topic, event, payload]).to_string();
        self.stream.send(Message::text(message)).await.unwrap();
        reference
    }

    pub async fn heartbeat(&mut self) -> String {
        self.send("phoenix", "heartbeat", json!({})).await
    }

    /// The next message; none when the connection ended, in whatever way.
    pub async fn next(&mut self) -> Option<Value> {
        let frame = tokio::time::timeout(HANG_GUARD, self.stream.next()).await.expect("no message for a minute");
        match frame {
            Some(Ok(Message::Text(text))) => Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(other)) => panic!("an unexpected frame: {other:?}"),
            Some(Err(_)) | None => None,
        }
    }

    /// The next message, which must be of this event; its payload.
    pub async fn expect(&mut self, event: &str) -> Value {
        let message = self.next().await.expect("the connection ended");
        assert_eq!(message[3], event, "{message}");
        message[4].clone()
    }

    pub async fn join(&mut self) -> String {
        let bindings = json!([{"event": "*", "schema": "public", "table": "items"}]);
        self.send(TOPIC, "phx_join", json!({"config": {"postgres_changes": bindings}})).await
    }

    /// Joins and waits until changes will come.
    pub async fn subscribe(&mut self) {
        self.join().await;
        assert_eq!(self.expect("phx_reply").await["status"], "ok");
        assert_eq!(self.expect("system").await["status"], "ok");
    }
}
