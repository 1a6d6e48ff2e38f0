// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/accuracy/evaluate.h"

#include "benchmarks/contenders/difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <utility>

namespace fettle::benchmarks {
namespace {

// Networks with fewer classes are not asked for five of them.
constexpr std::size_t kClassesForTop5 = 100;

// How many outputs come before one: greater ones, and equal ones of a lower number.
std::size_t rank(const Values& scores, std::size_t wanted) {
  std::size_t before = 0;
  for (std::size_t i = 0; i < scores.size(); ++i)
    before += scores[i] > scores[wanted] || (scores[i] == scores[wanted] && i < wanted);
  return before;
}

Result<std::vector<Values>> answer(Contender& contender, const std::vector<Values>& inputs) {
  if (Status status = contender.set_inputs(inputs); !status) return std::move(status).error();
  if (Status status = contender.run(); !status) return std::move(status).error();
  return contender.outputs();
}

void count(Score& score, const Values& scores, std::size_t wanted) {
  const std::size_t place = rank(scores, wanted);
  score.top1 += place < 1;
  score.top5 += place < 5;
}

std::size_t first_greatest(const Values& scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

std::string stem(const std::string& path) { return std::filesystem::path(path).stem(); }

}  // namespace

bool Figures::within_bound() const { return std::abs(fettle.top1 - rival.top1) <= kTop1Bound; }

Result<Figures> evaluate(const LabelledNetwork& entry, const std::string& rival_library) {
  Result<Samples> samples = Samples::load(entry);
  if (!samples) return std::move(samples).error();
  Result<Model> model = Model::load(entry.model);
  if (!model) return std::move(model).error();
  Task task{entry.model, {}, rival_library, 1};
  task.inputs.assign(model->inputs().begin(), model->inputs().end());
  task.outputs.assign(model->outputs().begin(), model->outputs().end());
  Result<std::unique_ptr<Contender>> own = make_contender("default", task);
  if (!own) return std::move(own).error();
  Result<std::unique_ptr<Contender>> rival = make_contender("ort", task);
  if (!rival) return std::move(rival).error();

  Figures figures{stem(entry.model), stem(entry.pictures), samples->count(), 0, {}, {}, 0, 0, 0,
                  entry.top1_given};
  for (std::size_t i = 0; i < samples->count(); ++i) {
    const std::vector<Values> inputs{samples->input(i)};
    Result<std::vector<Values>> got = answer(**own, inputs);
    if (!got) return std::move(got).error();
    Result<std::vector<Values>> wanted = answer(**rival, inputs);
    if (!wanted) return std::move(wanted).error();
    figures.difference = std::max(figures.difference, relative_error(*got, *wanted));
    const Values& own_scores = got->front();
    const Values& rival_scores = wanted->front();
    if (samples->label(i) >= own_scores.size() || own_scores.size() != rival_scores.size())
      return Error(ErrorCode::kWrongShape,
                   entry.model + " has too few outputs for the labels of its pictures");
    figures.classes = own_scores.size();
    count(figures.fettle, own_scores, samples->label(i));
    count(figures.rival, rival_scores, samples->label(i));
    figures.ties +=
        std::count(rival_scores.begin(), rival_scores.end(), rival_scores[first_greatest(rival_scores)]) > 1;
    figures.same += first_greatest(own_scores) == first_greatest(rival_scores);
  }
  for (double* number :
       {&figures.fettle.top1, &figures.fettle.top5, &figures.rival.top1, &figures.rival.top5, &figures.same})
    *number *= 100 / static_cast<double>(figures.count);
  return figures;
}

std::string markdown(const std::vector<Figures>& all) {
  std::string text =
      "| network | pictures | top-1 Fettle | top-1 ort | difference | top-5 Fettle | top-5 ort | same answer "
      "| ties | "
      "greatest difference of an output | top-1 as given |\n|---|---|---|---|---|---|---|---|---|---|---|\n";
  auto out = std::back_inserter(text);
  std::string outside;
  for (const Figures& f : all) {
    const bool top5 = f.classes >= kClassesForTop5;
    fmt::format_to(out, "| {} | {} {} | {:.1f} | {:.1f} | {:+.1f} | {} | {} | {:.1f} | {} | {:.1e} | {} |\n",
                   f.network, f.count, f.pictures, f.fettle.top1, f.rival.top1, f.fettle.top1 - f.rival.top1,
                   top5 ? fmt::format("{:.1f}", f.fettle.top5) : "",
                   top5 ? fmt::format("{:.1f}", f.rival.top5) : "", f.same, f.ties, f.difference,
                   f.top1_given ? fmt::format("{:.1f}", *f.top1_given) : "");
    if (!f.within_bound()) outside += (outside.empty() ? "" : ", ") + f.network + " on " + f.pictures;
  }
  if (outside.empty())
    fmt::format_to(out, "\nTop-1 is within {} points of ONNX Runtime's everywhere.\n", kTop1Bound);
  else
    fmt::format_to(out, "\n**Top-1 is not within {} points of ONNX Runtime's: {}.**\n", kTop1Bound, outside);
  return text;
}

}  // namespace fettle::benchmarks
