//! What a deletion finds of a first push: when the process ended × what AI Core did × what failed afterwards × the policy.

use super::*;
use crate::{
    api::DeletionPolicy,
    domain::decide::arrival::{self, Sent},
};

/// When the process is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Crash {
    Never,
    BeforeItIsAnnounced,
    BetweenAnnouncementAndRequest,
    BetweenAnswerAndStatus,
}

/// What comes of the first push.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Accepted,
    None,
    Refused(Reason),
}

fn outcome(answer: Answer, at: Timestamp) -> Outcome {
    match answer {
        Answer::Accepted => Outcome::Pushed { at, created: true },
        Answer::None => {
            Outcome::Failed(Failure { may_have_arrived: true, ..failure(Reason::RemoteUnavailable) })
        }
        Answer::Refused(reason) => Outcome::Failed(failure(reason)),
    }
}

fn a_resource(policy: DeletionPolicy) -> Life {
    let mut life =
        Life::of(an_object().with_spec(|spec| spec.deletion_policy = Some(policy)), a_new_status());
    life.object.finalizer = policy == DeletionPolicy::Delete;
    life.memory.sent = Sent::Nothing;
    // It waited for its Secret first, as with GitOps: the status says that nothing was sent.
    life.rests(without_source);
    assert!(!arrival::may_hold(&life.status, Sent::AsTold));
    life
}

/// The first push. Returns how many more statuses were written than an outcome needs.
fn first_push(life: &mut Life, crash: Crash, answer: Answer) -> usize {
    let announced = arrival::announced(&life.object, &life.status, &tenant("one"));
    let extra = usize::from(announced.is_some());
    if crash == Crash::BeforeItIsAnnounced {
        life.restart();
        return 0;
    }
    let before = life.status.clone();
    let written = announced.unwrap_or_else(|| before.clone());
    let at = life.now.wall;
    life.pass(as_found, |step| {
        assert!(matches!(step, Step::Push(_)), "{step:?}");
        outcome(answer, at)
    });
    if crash != Crash::Never {
        life.status = written;
        life.restart();
    }
    extra
}

#[rstest]
fn what_may_be_there_is_deleted_and_nothing_else(
    #[values(
        Crash::Never,
        Crash::BeforeItIsAnnounced,
        Crash::BetweenAnnouncementAndRequest,
        Crash::BetweenAnswerAndStatus
    )]
    crash: Crash,
    #[values(
        Answer::Accepted,
        Answer::None,
        Answer::Refused(Reason::AuthenticationFailed),
        Answer::Refused(Reason::Forbidden),
        Answer::Refused(Reason::RateLimited),
        Answer::Refused(Reason::RemoteRejected),
        Answer::Refused(Reason::QuotaExceeded),
        Answer::Refused(Reason::RemoteUnavailable)
    )]
    answer: Answer,
    #[values(
        None,
        Some(Reason::RateLimited),
        Some(Reason::AuthenticationFailed),
        Some(Reason::Forbidden),
        Some(Reason::RemoteRejected),
        Some(Reason::SecretNotFound),
        Some(Reason::ServiceKeyNotFound)
    )]
    later: Option<Reason>,
    #[values(DeletionPolicy::Delete, DeletionPolicy::Retain)] policy: DeletionPolicy,
) {
    let mut life = a_resource(policy);
    let extra = first_push(&mut life, crash, answer);
    assert!(
        extra <= usize::from(policy == DeletionPolicy::Delete),
        "one more write at most, and none to retain"
    );
    // Another pass, which fails in another way or finds less, and another process after it.
    life.later(seconds(2000));
    match later {
        None => {}
        Some(Reason::SecretNotFound) => drop(life.rests(without_source)),
        Some(Reason::ServiceKeyNotFound) => {
            drop(life.rests(|observed| observed.service_key = unusable(Reason::ServiceKeyNotFound)));
        }
        Some(reason) => drop(life.pass(as_found, |step| match step {
            Step::Push(_) => Outcome::Failed(failure(reason)),
            _ => Outcome::NothingSent,
        })),
    }
    life.restart();
    life.object.deleting = true;
    let (step, report) = life.pass(as_found, |step| match step {
        Step::DeleteRemote { .. } => Outcome::RemoteDeleted,
        Step::LetGo(_) => Outcome::LetGo,
        _ => Outcome::NothingSent,
    });
    let sent = matches!(answer, Answer::Accepted | Answer::None);
    let possible = match crash {
        Crash::Never => sent,
        Crash::BeforeItIsAnnounced => false,
        Crash::BetweenAnnouncementAndRequest | Crash::BetweenAnswerAndStatus => true,
    };
    let expected = match policy {
        DeletionPolicy::Retain => Step::NoPush(Why::Gone),
        DeletionPolicy::Delete if possible => Step::DeleteRemote { forced: false },
        DeletionPolicy::Delete => Step::LetGo(LetGo::NeverPushed),
    };
    assert_eq!(step, expected);
    assert_eq!((report.events, report.leaving), (Vec::new(), None));
}

/// The process that has seen a resource created knows what was sent for it.
#[rstest]
#[case::waited(Outcome::Postponed(NOTEWORTHY_WAIT), false)]
#[case::withdrawn(Outcome::Withdrawn, false)]
#[case::withdrawn_when_there_was_none(Outcome::FoundAbsent, false)]
#[case::refused(Outcome::Failed(failure(Reason::RemoteRejected)), false)]
#[case::not_answered(Outcome::Failed(Failure { may_have_arrived: true, ..failure(Reason::RemoteUnavailable) }), true)]
fn what_was_created_meanwhile_is_deleted_only_if_something_may_have_arrived(
    #[case] outcome: Outcome,
    #[case] arrived: bool,
    #[values(false, true)] restarts: bool,
) {
    let policy = Some(DeletionPolicy::Delete);
    let mut life = Life::of(an_object().with_spec(|spec| spec.deletion_policy = policy), a_new_status());
    life.object.finalizer = true;
    life.memory.sent = Sent::Nothing;
    life.pass(as_found, |_| outcome.clone());
    life.pass(as_found, |_| Outcome::Withdrawn);
    assert_eq!(life.memory.sent == Sent::Nothing, !arrived);
    // Another process has but the status, which says nothing as long as nothing was said.
    let said = !life.status.conditions.is_empty();
    if restarts {
        life.restart();
    }
    life.object.deleting = true;
    let (step, _) = life.pass(as_found, |_| Outcome::NothingSent);
    let deletes = arrived || (restarts && !said);
    assert_eq!(matches!(step, Step::DeleteRemote { .. }), deletes, "{step:?}");
}

/// The policy may change after the fact.
#[test]
fn what_was_sent_under_retain_is_deleted_once_the_policy_says_so() {
    let mut life = a_resource(DeletionPolicy::Retain);
    first_push(&mut life, Crash::Never, Answer::None);
    life.later(seconds(100));
    life.push_fails(as_found, failure(Reason::RateLimited));
    life.spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    life.object.finalizer = true;
    life.restart();
    life.object.deleting = true;
    assert_eq!(life.pass(as_found, |_| Outcome::RemoteDeleted).0, Step::DeleteRemote { forced: false });
}

/// Who lost the name, or never had a good key, has nothing to delete.
#[test]
fn what_belongs_to_others_is_left_alone() {
    let mut life = a_resource(DeletionPolicy::Delete);
    life.rests(owned_by(&key("older")));
    life.restart();
    life.object.deleting = true;
    let (step, _) = life.pass(as_found, |_| Outcome::LetGo);
    assert_eq!(step, Step::LetGo(LetGo::NeverPushed));
}

#[rstest]
#[case::deleted(DeletionPolicy::Delete, true)]
#[case::retained(DeletionPolicy::Retain, false)]
fn what_stays_in_another_tenant_is_said_and_counted(#[case] policy: DeletionPolicy, #[case] counted: bool) {
    let elsewhere = |observed: &mut Observed<'_>| observed.service_key = usable("21", tenant("two"));
    for answer in [Answer::Accepted, Answer::None, Answer::Refused(Reason::Forbidden)] {
        let mut life = Life::in_sync();
        life.object = life.object.clone().with_spec(|spec| spec.deletion_policy = Some(policy));
        life.object.finalizer = policy == DeletionPolicy::Delete;
        let at = life.now.wall;
        let (_, report) = life.pass(elsewhere, |_| outcome(answer, at));
        // What may have to be deleted may be there from now on, whatever the policy is then.
        let moved = answer != Answer::Refused(Reason::Forbidden);
        let leaving = report.leaving.map(|leaving| (leaving.event.reason, leaving.is_orphan));
        assert_eq!(leaving, moved.then_some(("TenantChanged", counted)), "{answer:?}");
        let now = if moved { "two" } else { "one" };
        assert_eq!(life.status.api_url, Some(tenant(now).api_url));
        // It is said once.
        life.later(seconds(2000));
        let (_, report) = life.pass(elsewhere, |_| outcome(answer, at));
        assert_eq!(report.leaving, None);
    }
}

/// What may have arrived here is deleted, and what was accepted elsewhere was named when that began; where nothing can have arrived,
/// it is named now.
#[rstest]
fn a_deletion_between_two_tenants_leaves_nothing_unsaid(
    #[values(DeletionPolicy::Delete, DeletionPolicy::Retain)] at_first: DeletionPolicy,
    #[values(0, 1, 3)] later_refusals: usize,
) {
    let elsewhere = |observed: &mut Observed<'_>| observed.service_key = usable("21", tenant("two"));
    for arrived in [true, false] {
        let mut life = Life::in_sync();
        life.spec(|spec| spec.deletion_policy = Some(at_first));
        life.object.finalizer = at_first == DeletionPolicy::Delete;
        let at = life.now.wall;
        let answer = if arrived { Answer::None } else { Answer::Refused(Reason::Forbidden) };
        let (_, at_first) = life.pass(elsewhere, |_| outcome(answer, at));
        // What fails later takes nothing of that back.
        for _ in 0..later_refusals {
            life.later(seconds(2000));
            life.pass(elsewhere, |_| outcome(Answer::Refused(Reason::AuthenticationFailed), at));
        }
        life.spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
        life.object.finalizer = true;
        life.object.deleting = true;
        life.later(seconds(2000));
        let (step, at_last) = life.pass(elsewhere, |_| Outcome::LetGo);
        let (expected, said) = if arrived {
            (Step::DeleteRemote { forced: false }, at_first)
        } else {
            (Step::LetGo(LetGo::TenantChanged), at_last)
        };
        assert_eq!(step, expected);
        let told = said.leaving.iter().map(|leaving| &leaving.event).chain(&said.events);
        assert!(told.into_iter().any(|event| event.note.contains(&tenant("one").api_url)), "{said:?}");
    }
}

#[rstest]
fn what_stays_under_another_name_is_said_and_counted(#[values("other", "-")] name: &str) {
    let mut life = Life::in_sync();
    life.spec(|spec| {
        spec.deletion_policy = Some(DeletionPolicy::Delete);
        spec.remote_name = Some(name.to_owned());
    });
    let report = life.rests(without_source);
    let Leaving { event, is_orphan } = report.leaving.unwrap();
    assert_eq!((event.reason, is_orphan), ("RemoteRenamed", true));
    assert!(event.note.contains("\"pull\"") && event.note.contains(&tenant("one").api_url));
    let report = life.rests(without_source);
    assert_eq!((report.events, report.leaving), (Vec::new(), None));
    life.object.deleting = true;
    life.object.finalizer = true;
    assert_eq!(life.pass(as_found, |_| Outcome::LetGo).0, Step::LetGo(LetGo::NeverPushed));
}

/// The process ends at any point between the announcement of a push to another tenant and the word about what stays behind.
#[rstest]
fn what_one_process_left_unsaid_the_next_one_says(
    #[values(DeletionPolicy::Delete, DeletionPolicy::Retain)] policy: DeletionPolicy,
    #[values(Answer::Accepted, Answer::None)] answer: Answer,
    #[values(false, true)] answered: bool,
) {
    let elsewhere = |observed: &mut Observed<'_>| observed.service_key = usable("21", tenant("two"));
    let mut life = Life::in_sync();
    life.object = life.object.clone().with_spec(|spec| spec.deletion_policy = Some(policy));
    life.object.finalizer = policy == DeletionPolicy::Delete;
    let announced = arrival::announced(&life.object, &life.status, &tenant("two"));
    let before = life.status.clone();
    let at = life.now.wall;
    let (_, report) = life.pass(elsewhere, |_| outcome(answer, at));
    let written = if answered { report.status } else { announced };
    // Where nothing will be deleted, nothing is announced: the push is repeated, and says it.
    let Some(written) = written.filter(|_| report.leaving.is_some()) else {
        life.status = before;
        life.restart();
        life.push_succeeds(elsewhere);
        return;
    };
    life.status = written;
    life.restart();
    let mut observed = an_observation(&life.object, &life.status);
    let at_home = left_behind::unsaid(&observed);
    assert_eq!(at_home, None, "the service key of before is back: it is the resource's own again");
    elsewhere(&mut observed);
    let Leaving { event, is_orphan } = left_behind::unsaid(&observed).unwrap();
    assert_eq!((event.reason, is_orphan), ("TenantChanged", policy == DeletionPolicy::Delete));
    assert!(event.note.contains(&tenant("one").api_url), "{}", event.note);
    // So it does without a key, and when it is deleted meanwhile.
    observed.service_key = unusable(Reason::ServiceKeyNotFound);
    assert!(left_behind::unsaid(&observed).is_some());
    // Back at home, a push makes an end of it, and the other tenant may hold something now.
    let report = life.push_succeeds(as_found);
    let left = report.leaving.unwrap();
    assert!(left.event.note.contains(&tenant("two").api_url), "{}", left.event.note);
    assert_eq!(life.status.left_behind, None);
}

/// A process was killed between its first request and the status. What the next one has to say first, and a third one reads, makes no end
/// of that, as long as it is known where it may be.
#[rstest]
#[case::its_secret_is_gone(Reason::SecretNotFound, true)]
#[case::its_key_is_refused(Reason::AuthenticationFailed, true)]
#[case::nothing_answers(Reason::RemoteUnavailable, true)]
#[case::another_one_owns_the_name(Reason::RemoteConflict, false)]
#[case::it_may_not_have_the_name(Reason::RemoteNameNotAllowed, false)]
fn the_first_word_leaves_open_what_was_sent(
    #[case] word: Reason,
    #[case] deletes: bool,
    #[values(DeletionPolicy::Retain, DeletionPolicy::Delete)] policy: DeletionPolicy,
) {
    let object = an_object().with_spec(|spec| spec.deletion_policy = Some(policy));
    let mut life = Life::of(object, a_new_status());
    life.object.finalizer = policy == DeletionPolicy::Delete;
    life.memory.sent = Sent::of_found(&life.object, false);
    match word {
        Reason::SecretNotFound => drop(life.rests(without_source)),
        Reason::RemoteConflict => drop(life.rests(owned_by(&key("older")))),
        Reason::RemoteNameNotAllowed => {
            drop(life.rests(|observed| observed.source = unusable(Reason::RemoteNameNotAllowed)));
        }
        reason => drop(life.push_fails(as_found, failure(reason))),
    }
    assert_eq!(condition::find(&life.status.conditions, "Ready").unwrap().reason, word.as_str());
    life.restart();
    life.spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    life.object.finalizer = true;
    life.object.deleting = true;
    life.later(seconds(2000));
    let (step, _) = life.pass(as_found, |_| Outcome::NothingSent);
    assert_eq!(matches!(step, Step::DeleteRemote { .. }), deletes, "{step:?}");
}

/// What may have arrived under the name of before is left behind there, and nothing was sent under the new one.
#[test]
fn what_may_have_arrived_under_another_name_is_not_looked_for_under_this_one() {
    let object = an_object().with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    let mut life = Life::of(object, a_new_status());
    life.object.finalizer = true;
    life.push_fails(as_found, Failure { may_have_arrived: true, ..failure(Reason::RemoteUnavailable) });
    life.spec(|spec| spec.remote_name = Some("other".to_owned()));
    let report = life.rests(without_source);
    assert_eq!(report.leaving.unwrap().event.reason, "RemoteRenamed");
    life.object.deleting = true;
    life.later(seconds(2000));
    assert_eq!(life.pass(as_found, |_| Outcome::LetGo).0, Step::LetGo(LetGo::NeverPushed));
}
