//! What the scenarios with neighbours in trouble are asked for.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::number;

/// Sizes and durations of these scenarios. Each is an environment variable, durations are whole seconds.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// `NEIGHBOUR_PAIRS`: how often a quiet round and one with neighbours follow one another. Default 2.
    pub pairs: usize,
    /// `ROUND_SECONDS`: for how long healthy rotations go on in a round. Default 16 s, longer than a request that hangs.
    pub round: Duration,
    /// `HUNG`: numbers of tenants that hang, a scenario each, separated by commas. Default 1,4,40.
    pub hung: Vec<usize>,
    /// `HUNG_RESOURCES`: resources of each. Default 10.
    pub hung_resources: usize,
    /// `INVENTED`: tenants that one namespace invents. Default 150.
    pub invented: usize,
    /// `INVENTED_DELAY`: after how long these answer. Default 14 s.
    pub invented_delay: Duration,
    /// `NAMESPACES`: how many are named to `--watch-namespaces`. Default 200.
    pub namespaces: usize,
    /// `SCRAPED`: resources whose metrics are read all the time. Default 20,000.
    pub scraped: usize,
    /// `OUTAGE_SECONDS`: how long AI Core, and then the API server, is away. Default 180 s.
    pub outage: Duration,
    /// `OUTAGE_ROTATIONS`: credentials that change meanwhile, evenly over the outage. Default 160.
    pub outage_rotations: usize,
    /// `REQUEST_TIMEOUT`: limit on one request of the operator. Default 15 s, the operator's own.
    pub request_timeout: Duration,
}

impl Trouble {
    pub(super) fn from_environment() -> anyhow::Result<Self> {
        let seconds = |variable, default| anyhow::Ok(Duration::from_secs(number(variable, default)? as u64));
        let hung = match std::env::var("HUNG") {
            Ok(list) if !list.trim().is_empty() => {
                let numbers: Result<Vec<usize>, _> =
                    list.split(',').map(|number| number.trim().parse()).collect();
                numbers.with_context(|| format!("HUNG: {list:?} is not a list such as 1,4,40"))?
            }
            _ => vec![1, 4, 40],
        };
        ensure!(hung.iter().all(|&tenants| tenants > 0), "HUNG: a number of tenants is above zero");
        Ok(Self {
            pairs: number("NEIGHBOUR_PAIRS", 2)?,
            round: seconds("ROUND_SECONDS", 16)?,
            hung,
            hung_resources: number("HUNG_RESOURCES", 10)?,
            invented: number("INVENTED", 150)?,
            invented_delay: seconds("INVENTED_DELAY", 14)?,
            namespaces: number("NAMESPACES", 200)?,
            scraped: number("SCRAPED", 20_000)?,
            outage: seconds("OUTAGE_SECONDS", 180)?,
            outage_rotations: number("OUTAGE_ROTATIONS", 160)?,
            request_timeout: seconds("REQUEST_TIMEOUT", 15)?,
        })
    }
}
