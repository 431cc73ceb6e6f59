//! What goes wrong between the operator and the API server, and with the operator's processes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::SignedDuration;
use kube::api::DeleteParams;
use serde_json::json;
use testbed::{
    proxy::{Action, Request},
    relay::Flow,
    system::Names,
};
use tokio::time::sleep;

use crate::{
    cluster::{apply, insist, objects},
    plan::{Asked, Right, Trouble},
    replicas::{Command, Keeper},
    troubles_of_ai_core as ai_core,
    world::{World, is_asked},
};

/// Makes it go wrong, and right again when it has lasted so long.
pub(crate) async fn strike(world: &World<'_>, keepers: &[Keeper], trouble: &Trouble, lasting: Duration) {
    world.count("troubles", 1);
    *world.tools().troubles.entry(trouble.kind()).or_default() += 1;
    let tell = async |replica: usize, command: Command| keepers[replica].tell(command).await;
    match *trouble {
        Trouble::CutWatches => cut_watches(world),
        Trouble::SilenceWatches => {
            world.proxies.iter().for_each(|proxy| proxy.silence(is_watch));
            sleep(lasting).await;
            cut_watches(world);
        }
        Trouble::ForgetWatches => {
            let spell = spell(world, Asked::Watches, None, &Action::refuse(410));
            cut_watches(world);
            sleep(lasting).await;
            spell.end();
        }
        Trouble::Refuse { what, code } => during(world, what, &Action::refuse(code), lasting).await,
        Trouble::Delay { what, by } => {
            during(world, what, &Action::pass().delayed(Duration::from_millis(by)), lasting).await;
        }
        Trouble::LoseAnswers { what, count } => few(world, what, count, &Action::cut_answer(), lasting).await,
        Trouble::LateAnswers { what, count, by } => {
            few(world, what, count, &Action::late(Duration::from_millis(by)), lasting).await;
        }
        Trouble::Hang { what, count } => {
            few(world, what, count, &Action::hang(), lasting).await;
            // A watch would wait for its answer for minutes.
            world.proxies.iter().for_each(|proxy| proxy.cut(|request| is_asked(what, request)));
        }
        Trouble::Truncate { what, count, bytes } => {
            few(world, what, count, &Action::cut_after(bytes), lasting).await;
        }
        Trouble::TakeRight(right) => take(world, right, lasting).await,
        Trouble::RefuseStatuses => refuse_statuses(world, lasting).await,
        Trouble::Compact => {
            world.stage.control_plane.compact().await.unwrap();
            cut_watches(world);
        }
        Trouble::RestartApiServer => {
            let _alone = world.stage.api_server.lock().await;
            world.stage.control_plane.stop_api_server().await.unwrap();
            sleep(lasting / 4).await;
            world.stage.control_plane.start_api_server().await.unwrap();
        }
        Trouble::PauseApiServer => {
            let _alone = world.stage.api_server.lock().await;
            world.stage.control_plane.pause_api_server().await.unwrap();
            sleep(lasting).await;
            world.stage.control_plane.resume_api_server().await.unwrap();
        }
        Trouble::Remote { tenant, operations, answer, count } => {
            ai_core::answer(world, tenant, operations, answer, count);
        }
        Trouble::TenantHangs { tenant } => ai_core::hang(world, tenant, lasting).await,
        Trouble::AuthorizationDown { tenant } => ai_core::close_door(world, tenant, lasting).await,
        Trouble::RevokeTokens { tenant } => world.tenant(tenant).revoke_tokens(),
        Trouble::ShortTokens { tenant } => ai_core::shorten_tokens(world, tenant, lasting).await,
        Trouble::Quota { tenant, room } => ai_core::fill(world, tenant, room, lasting).await,
        Trouble::LoseNames { silent, cut } => lose_names(world, silent, cut, lasting).await,
        Trouble::RefuseConnections => way(world, Flow::Refusing, lasting).await,
        Trouble::SilenceConnections => way(world, Flow::Silent, lasting).await,
        Trouble::CutConnections => cut_connections(world),
        Trouble::Kill { replica } => tell(replica, Command::Kill(lasting)).await,
        Trouble::Terminate { replica } => tell(replica, Command::Terminate(lasting)).await,
        Trouble::Freeze { replica } => tell(replica, Command::Freeze(lasting)).await,
        Trouble::ShiftClock { replica, ahead } => {
            world.set_clock(replica, SignedDuration::from_secs(ahead));
            sleep(lasting).await;
            world.set_clock(replica, SignedDuration::ZERO);
        }
    }
}

fn is_watch(request: &Request) -> bool {
    request.verb == "watch"
}

fn cut_watches(world: &World<'_>) {
    world.proxies.iter().for_each(|proxy| proxy.cut(is_watch));
}

fn cut_connections(world: &World<'_>) {
    world.record().cuts.push(world.now());
    world.relay.cut();
}

async fn lose_names(world: &World<'_>, silent: bool, cut: bool, lasting: Duration) {
    world.set_names(if silent { Names::Silent } else { Names::Failing });
    if cut {
        cut_connections(world);
    }
    sleep(lasting).await;
    world.set_names(Names::Working);
}

async fn way(world: &World<'_>, flow: Flow, lasting: Duration) {
    world.set_way(flow);
    sleep(lasting).await;
    world.set_way(Flow::Passing);
}

/// A rule of the proxies that can be ended.
struct Spell(Arc<AtomicBool>);

impl Spell {
    fn end(self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// From now on such requests meet the action: all, or so many.
fn spell(world: &World<'_>, what: Asked, count: Option<usize>, action: &Action) -> Spell {
    let holds = Arc::new(AtomicBool::new(true));
    for proxy in &world.proxies {
        let active = Arc::clone(&holds);
        let which = move |request: &Request| active.load(Ordering::Relaxed) && is_asked(what, request);
        match count {
            Some(count) => proxy.next(count, which, action.clone()),
            None => proxy.always(which, action.clone()),
        }
    }
    Spell(holds)
}

async fn during(world: &World<'_>, what: Asked, action: &Action, lasting: Duration) {
    let spell = spell(world, what, None, action);
    sleep(lasting).await;
    spell.end();
}

async fn few(world: &World<'_>, what: Asked, count: usize, action: &Action, lasting: Duration) {
    let spell = spell(world, what, Some(count), action);
    sleep(lasting).await;
    spell.end();
}

async fn take(world: &World<'_>, right: Right, lasting: Duration) {
    world.tools().taken.push(right);
    world.write_rights().await;
    sleep(lasting).await;
    // As often as it was taken, it must be given back.
    {
        let mut tools = world.tools();
        let place = tools.taken.iter().position(|taken| *taken == right).unwrap();
        tools.taken.remove(place);
    }
    world.write_rights().await;
}

async fn refuse_statuses(world: &World<'_>, lasting: Duration) {
    let name = format!("{}-{}", world.home, world.now().as_nanos());
    let version = "admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": { "name": name },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": ["aicore-registry.dev"], "apiVersions": ["*"], "operations": ["UPDATE"],
                "resources": ["aicoreregistrysecrets/status", "aicoretenants/status"],
            }] },
            "validations": [{ "expression": "false", "message": "no status today" }],
        },
    });
    let binding = json!({
        "apiVersion": version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": name },
        "spec": { "policyName": name, "validationActions": ["Deny"] },
    });
    let kinds = [
        ("ValidatingAdmissionPolicy", "validatingadmissionpolicies", policy),
        ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", binding),
    ];
    let apis = kinds.map(|(kind, plural, value)| {
        (objects(world.client(), ["admissionregistration.k8s.io", "v1", kind, plural], None), value)
    });
    for (api, value) in &apis {
        apply(api, value).await;
    }
    sleep(lasting).await;
    for (api, _) in apis.iter().rev() {
        let _ = insist(async || api.delete(&name, &DeleteParams::default()).await).await;
    }
}
