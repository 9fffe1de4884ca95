//! `--report`: the replay as a page.

use std::path::PathBuf;
use std::sync::Arc;

use super::range::Range;
use crate::cli::failure::Failure;
use crate::files::NewFile;
use crate::market::Symbols;
use crate::module::Module;
use crate::report::{About, Collector, Report, html};
use crate::sandbox::{ParamValue, Subscription};
use crate::supervisor::{Counts, Fleet, Ready, Witness, Witnesses};

#[derive(Debug, clap::Args)]
pub(super) struct ReportArgs {
    /// Write an HTML report: chart, signals, what price did after them, cost, gaps, parameters. One file that needs no network.
    #[arg(long, value_name = "OUT.html", conflicts_with_all = ["at", "sweep"])]
    report: Option<PathBuf>,
}

impl ReportArgs {
    /// Proves that the report can be written, before anything is replayed for it. None where nobody asks for one.
    pub(super) fn open(&self) -> Result<Option<NewFile>, Failure> {
        self.report.as_deref().map(|path| NewFile::open(path).map_err(Failure::input)).transpose()
    }
}

/// A report in the making.
pub(super) struct Reporting {
    file: NewFile,
    collector: Arc<Collector>,
    params: Vec<(String, ParamValue)>,
    subscription: Subscription,
}

impl Reporting {
    /// One of this trader.
    pub(super) fn new(file: NewFile, ready: &Ready) -> Self {
        let collector = Arc::new(Collector::new(ready.module.manifest.plot_width()));
        Self { file, collector, params: ready.params.clone(), subscription: ready.subscription.clone() }
    }

    /// The fleet tells it everything, and its faults to another witness as well.
    pub(super) fn told_by(&self, fleet: Fleet, other: Arc<dyn Witness>) -> Fleet {
        let witnesses = Witnesses(vec![other, self.collector.clone()]);
        fleet.observed_by(Some(self.collector.clone())).witnessed_by(Some(Arc::new(witnesses)))
    }

    /// Writes the page: the path, to be told.
    pub(super) fn write(
        self,
        module: &Module,
        symbols: &Symbols,
        range: Range,
        counts: &Counts,
        quarantined: bool,
    ) -> Result<String, Failure> {
        let about = About {
            manifest: &module.manifest,
            module_sha256: module.digest,
            module_bytes: module.size_bytes,
            abi: module.abi.as_str(),
            params: &self.params,
            subscription: &self.subscription,
            counts,
            quarantined,
            symbols,
            from_ms: range.warm_up_ms().map(|warm_up_ms| warm_up_ms + 1),
            to_ms: Some(range.last_ms()).filter(|last_ms| *last_ms < i64::MAX),
        };
        let page = html(&Report::of(&self.collector, &about))
            .map_err(|error| Failure::fault(format!("cannot write the report: {error}")))?;
        let path = self.file.shown().to_owned();
        self.file.write(page.as_bytes()).map_err(Failure::input)?;
        Ok(path)
    }
}
