// goshawk doctor: what this machine offers, and what `auto` would make of it.

#include <fmt/format.h>

#include "apps/goshawk/commands.h"

namespace goshawk::cli {
namespace {

int run_doctor(const Invocation&) { return 0; }

}  // namespace

Command doctor_command() {
  Command command;
  command.name = "doctor";
  command.group = Group::kSetup;
  command.summary = "Show what this machine offers, and what `auto` takes";
  command.json = true;
  command.run = run_doctor;
  return command;
}

}  // namespace goshawk::cli
