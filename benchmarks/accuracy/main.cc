// SPDX-License-Identifier: Apache-2.0
//
// fettle_accuracy: top-1 and top-5 accuracy of Fettle and ONNX Runtime on the same labelled pictures.
// scripts/accuracy makes what it reads. Exit status 1: accuracy is not within the bound, or something failed.
#include "benchmarks/accuracy/evaluate.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>

int main(int argc, char** argv) {
  using namespace fettle::benchmarks;
#ifdef FETTLE_ONNXRUNTIME_LIBRARY
  std::string rival_library = FETTLE_ONNXRUNTIME_LIBRARY;
#else
  std::string rival_library;
#endif
  std::string list;
  std::string table;
  CLI::App app("Compares the accuracy of Fettle and ONNX Runtime on labelled pictures");
  app.add_option("list", list, "list.json of benchmarks/accuracy/prepare.py")->required();
  app.add_option("--onnxruntime", rival_library, "path of libonnxruntime.so");
  app.add_option("--markdown", table, "file for the table, which is printed too");
  CLI11_PARSE(app, argc, argv);

  const auto fail = [](const fettle::Error& error) {
    std::fprintf(stderr, "%s\n", error.text().c_str());
    return 1;
  };
  fettle::Result<std::vector<LabelledNetwork>> entries = read_list(list);
  if (!entries) return fail(entries.error());
  std::vector<Figures> all;
  for (const LabelledNetwork& entry : *entries) {
    fettle::Result<Figures> figures = evaluate(entry, rival_library);
    if (!figures) return fail(figures.error());
    std::fprintf(stderr, "%s on %s: %.1f, ONNX Runtime %.1f\n", figures->network.c_str(),
                 figures->pictures.c_str(), figures->fettle.top1, figures->rival.top1);
    all.push_back(*std::move(figures));
  }
  const std::string text = markdown(all);
  std::printf("%s", text.c_str());
  if (!table.empty()) {
    std::ofstream file(table);
    file << text;
    file.close();
    if (!file) return fail({fettle::ErrorCode::kFileUnwritable, table + " cannot be written"});
  }
  return std::all_of(all.begin(), all.end(), [](const Figures& f) { return f.within_bound(); }) ? 0 : 1;
}
