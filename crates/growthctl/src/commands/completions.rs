//! `growthctl completions`

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Cli;
use crate::failure::Outcome;
use crate::printer::Printer;

/// Prints the script that lets a shell complete commands, options and, but for fish, the names of events.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  growthctl completions bash > ~/.local/share/bash-completion/completions/growthctl
  growthctl completions zsh > \"${fpath[1]}/_growthctl\"
  growthctl completions fish > ~/.config/fish/completions/growthctl.fish")]
pub(crate) struct Args {
    /// Which shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(args: &Args, printer: &Printer) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "growthctl", &mut script);
    printer.result(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}
