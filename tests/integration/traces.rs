//! Traces, as a collector receives them by OTLP.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse,
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind},
};
use prost::Message;
use serde_json::Value as Json;
use tokio::{io::AsyncReadExt, net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    cluster::PATIENCE,
    invariants,
    world::{Login, World},
};

/// A collector on loopback that keeps what it receives.
#[derive(Default)]
struct Received {
    headers: Vec<HeaderMap>,
    bodies: Vec<Bytes>,
}

struct Collector {
    url: String,
    received: Arc<Mutex<Received>>,
    _tasks: JoinSet<()>,
}

impl Collector {
    async fn start() -> Self {
        let received = Arc::new(Mutex::new(Received::default()));
        let router = Router::new().route("/v1/traces", post(receive)).with_state(Arc::clone(&received));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, received, _tasks: tasks }
    }

    /// The spans, and the attributes of their resource.
    fn spans(&self) -> (Vec<Span>, HashMap<String, String>) {
        let (mut spans, mut attributes) = (Vec::new(), HashMap::new());
        for body in &self.received.lock().unwrap().bodies {
            for resource in ExportTraceServiceRequest::decode(body.clone()).unwrap().resource_spans {
                attributes.extend(texts(&resource.resource.unwrap().attributes));
                spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        (spans, attributes)
    }
}

async fn receive(
    State(received): State<Arc<Mutex<Received>>>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let mut received = received.lock().unwrap();
    received.headers.push(headers);
    received.bodies.push(body);
    ([(header::CONTENT_TYPE, "application/x-protobuf")], Bytes::new())
}

fn texts(attributes: &[KeyValue]) -> HashMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}

#[tokio::test]
async fn a_trace_joins_the_pass_its_token_and_its_requests_and_the_log_names_it() {
    let world = World::synced("traces").await;
    let collector = Collector::start().await;
    let launch = world
        .launch()
        .with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .with_variable("OTEL_EXPORTER_OTLP_HEADERS", "x-team=registry")
        .with_variable("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        // All is sent at the end.
        .with_variable("OTEL_BSP_SCHEDULE_DELAY", "3600000");
    let operator = launch.start().await;
    world.wait_ready("pull").await;
    world.wait_quiet(&operator).await;
    let line = operator.wait_for_line("AI Core accepted the credential").await;
    let (code, log) = operator.terminate().await;
    assert_eq!(code, Some(0), "{}", log.join("\n"));

    let line: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(line["outcome"], "Created");
    assert_eq!(
        (&line["span"]["namespace"], &line["span"]["resource"]),
        (&world.namespace.clone().into(), &"pull".into())
    );
    let trace_id =
        u128::from_str_radix(line["span"]["trace_id"].as_str().unwrap(), 16).unwrap().to_be_bytes();
    let (spans, resource) = collector.spans();
    let trace: Vec<&Span> = spans.iter().filter(|span| span.trace_id == trace_id).collect();
    let named = |name: &str, parent: &[u8]| {
        let found = trace.iter().filter(|span| span.name == name && span.parent_span_id == parent);
        found.copied().collect::<Vec<_>>()
    };
    let [pass] = named("reconcile", &[])[..] else { panic!("{trace:#?}") };
    assert_eq!(texts(&pass.attributes)["outcome"], "Created");
    assert_eq!(texts(&pass.attributes)["resource"], "pull");
    let [token] = named("token", &pass.span_id)[..] else { panic!("{trace:#?}") };
    let [token_request] = named("POST", &token.span_id)[..] else { panic!("{trace:#?}") };
    let [patch] = named("PATCH", &pass.span_id)[..] else { panic!("{trace:#?}") };
    let [create] = named("POST", &pass.span_id)[..] else { panic!("{trace:#?}") };
    assert_eq!(trace.len(), 5, "{trace:#?}");
    for (span, method, status) in
        [(token_request, "POST", "200"), (patch, "PATCH", "404"), (create, "POST", "202")]
    {
        let attributes = texts(&span.attributes);
        assert_eq!(attributes["http.request.method"], method);
        assert_eq!(attributes["http.response.status_code"], status);
        assert_eq!(attributes["server.address"], "127.0.0.1");
        assert_eq!(span.kind(), SpanKind::Client);
        assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    }
    assert_eq!(resource["service.name"], "aicore-registry-operator");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(resource["deployment.environment.name"], "test");
    let received = collector.received.lock().unwrap();
    assert_eq!(received.headers[0]["x-team"], "registry");
    let sent: Vec<String> =
        received.bodies.iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect();
    invariants::check_canaries(&sent, &[world.tenant().client_secret()]);
}

#[tokio::test]
async fn nothing_is_sent_when_the_environment_says_so() {
    let world = World::synced("notraces").await;
    let collector = Collector::start().await;
    for (name, value) in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_SAMPLER", "always_off")] {
        let launch = world.launch().with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
        let operator = launch.with_variable(name, value).start().await;
        world.wait_ready("pull").await;
        world.wait_quiet(&operator).await;
        assert_eq!(operator.terminate().await.0, Some(0));
        assert_eq!(collector.received.lock().unwrap().bodies.len(), 0, "{name}");
    }
}

/// It takes connections and requests, and never answers.
#[tokio::test]
async fn a_collector_that_does_not_answer_delays_nothing() {
    let world = World::synced("slowtraces").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = watch::Sender::new(0);
    let mut asked_for = asked.subscribe();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let asked = asked.clone();
            connections.spawn(async move {
                let mut buffer = [0; 1024];
                while let Ok(1..) = connection.read(&mut buffer).await {
                    asked.send_modify(|asked| *asked += 1);
                }
            });
        }
    });
    let launch = world
        .launch()
        .with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
        .with_variable("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000")
        .with_variable("OTEL_BSP_SCHEDULE_DELAY", "1")
        .with_variable("OTEL_BSP_MAX_QUEUE_SIZE", "4")
        .with_variable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2");
    let operator = launch.start().await;
    world.wait_ready("pull").await;
    tokio::time::timeout(PATIENCE, asked_for.wait_for(|asked| *asked > 0)).await.unwrap().unwrap();
    // Each pass has several spans: far more than the queue holds.
    for number in 2..20 {
        let credential = [("ghcr.io", Login::new("robot", number))];
        world.docker_secret("source", &credential).await;
        world.wait_remote("pull", &World::payload(&credential)).await;
    }
    assert_eq!(operator.get("/livez").await.0, 200);
    assert_eq!(operator.get("/readyz").await.0, 200);
    world.check(&operator).await;
    let (code, log) = operator.terminate().await;
    assert_eq!(code, Some(0), "{}", log.join("\n"));
}

#[tokio::test]
async fn a_protocol_that_is_not_supported_is_said_and_harms_nothing() {
    let world = World::synced("grpctraces").await;
    let launch = world
        .launch()
        .with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
        .with_variable("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let operator = launch.start().await;
    operator.wait_for_line("no traces are sent: OTEL_EXPORTER_OTLP_PROTOCOL is").await;
    world.wait_ready("pull").await;
}
