#include "converter/budget/select.hpp"

#include <limits>

namespace linnet::budget {

namespace {

// A form after another one of the same layer, with what a byte that it saves more costs.
struct Step {
  size_t form = 0;
  double slope = std::numeric_limits<double>::infinity();
};

// The form of least loss; of equal ones that which saves most.
size_t first_form(const std::vector<Form>& forms) {
  size_t best = 0;
  for (size_t i = 1; i < forms.size(); ++i)
    if (forms[i].loss < forms[best].loss || (forms[i].loss == forms[best].loss && forms[i].saved > forms[best].saved))
      best = i;
  return best;
}

// Along the hull; of equal slopes the longest. Nothing saves more where the slope is infinite.
Step next_step(const std::vector<Form>& forms, size_t from) {
  Step best;
  for (size_t i = 0; i < forms.size(); ++i) {
    const int64_t more = forms[i].saved - forms[from].saved;
    if (more <= 0) continue;
    const double slope = (forms[i].loss - forms[from].loss) / static_cast<double>(more);
    if (slope < best.slope || (slope == best.slope && forms[i].saved > forms[best.form].saved)) best = {i, slope};
  }
  return best;
}

// Changes the forms of one layer, or of two, where most is gained, until no change gains while `bytes` stay saved.
void exchange(const std::vector<std::vector<Form>>& layers, int64_t bytes, int64_t saved, std::vector<size_t>* chosen) {
  struct Change {
    size_t layer, form;
    int64_t saved;
    double loss;
  };
  for (;;) {
    std::vector<Change> changes = {{0, (*chosen)[0], 0, 0}};
    for (size_t l = 0; l < layers.size(); ++l)
      for (size_t i = 0; i < layers[l].size(); ++i) {
        const Form &now = layers[l][(*chosen)[l]], &other = layers[l][i];
        changes.push_back({l, i, other.saved - now.saved, other.loss - now.loss});
      }
    const Change *first = nullptr, *second = nullptr;
    double most = -1e-12;
    for (const Change& a : changes) {
      if (a.loss >= 0) continue;
      for (const Change& b : changes) {
        if ((a.layer == b.layer && b.saved != 0) || saved + a.saved + b.saved < bytes || a.loss + b.loss >= most)
          continue;
        first = &a;
        second = &b;
        most = a.loss + b.loss;
      }
    }
    if (first == nullptr) return;
    saved += first->saved + second->saved;
    (*chosen)[second->layer] = second->form;
    (*chosen)[first->layer] = first->form;
  }
}

}  // namespace

std::optional<std::vector<size_t>> select_forms(const std::vector<std::vector<Form>>& layers, int64_t bytes) {
  std::vector<size_t> chosen;
  std::vector<Step> steps;
  int64_t saved = 0;
  for (const std::vector<Form>& forms : layers) {
    chosen.push_back(first_form(forms));
    steps.push_back(next_step(forms, chosen.back()));
    saved += forms[chosen.back()].saved;
  }
  while (saved < bytes) {
    size_t best = layers.size();
    for (size_t l = 0; l < layers.size(); ++l)
      if (steps[l].slope < (best < layers.size() ? steps[best].slope : std::numeric_limits<double>::infinity()))
        best = l;
    if (best == layers.size()) return std::nullopt;
    saved += layers[best][steps[best].form].saved - layers[best][chosen[best]].saved;
    chosen[best] = steps[best].form;
    steps[best] = next_step(layers[best], chosen[best]);
  }
  exchange(layers, bytes, saved, &chosen);
  return chosen;
}

}  // namespace linnet::budget
