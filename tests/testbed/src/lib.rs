//! The test bed: a real Kubernetes control plane, a simulator of SAP AI Core, and the demo that shows both with the operator.

pub mod argocd;
pub mod controlplane;
pub mod demo;
pub mod distribution;
pub mod golang;
pub mod helm;
pub mod hosts;
pub mod http2;
pub mod missing;
pub mod node;
pub mod operator;
pub mod packaging;
pub mod process;
mod progress;
pub mod proxy;
pub mod recording;
pub mod relay;
pub mod simulator;
pub mod system;
pub mod tools;
pub mod waiting;
