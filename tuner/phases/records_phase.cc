// SPDX-License-Identifier: Apache-2.0
#include "tuner/phases/records_phase.h"

#include "tuner/records.h"

#include <utility>
#include <vector>

namespace fettle::tuner {

Status read_known_records(TuningRun& run) {
  const std::string& path = run.options.records_path;
  if (path.empty()) return {};
  SkippedLines skipped;
  Result<std::vector<Record>> records = load_records(path, &skipped);
  if (!records && records.error().code() == ErrorCode::kFileNotFound) return {};  // the first run
  if (!records) return std::move(records).error();
  if (skipped.count > 0) {
    run.notes.push_back(path + ": " + std::to_string(skipped.count) +
                        " damaged lines passed over, the first is line " + std::to_string(skipped.first));
  }
  apply_records(*records, run.device.description(), run.space, run.table);
  return {};
}

Status append_measured_records(const TuningRun& run, const std::string& conditions) {
  if (run.options.records_path.empty()) return {};
  return append_records(run.options.records_path,
                        records_of(run.space, run.table, run.device.description(), conditions));
}

}  // namespace fettle::tuner
