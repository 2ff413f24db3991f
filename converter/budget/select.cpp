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

// Takes back what is saved beyond `bytes`.
void spend(const std::vector<std::vector<Form>>& layers, int64_t bytes, int64_t saved, std::vector<size_t>* chosen) {
  for (;;) {
    double most = 0;
    size_t layer = 0, form = 0;
    for (size_t l = 0; l < layers.size(); ++l) {
      const Form& now = layers[l][(*chosen)[l]];
      for (size_t i = 0; i < layers[l].size(); ++i) {
        const Form& other = layers[l][i];
        if (now.loss - other.loss > most && saved - now.saved + other.saved >= bytes) {
          most = now.loss - other.loss;
          layer = l;
          form = i;
        }
      }
    }
    if (most == 0) return;
    saved += layers[layer][form].saved - layers[layer][(*chosen)[layer]].saved;
    (*chosen)[layer] = form;
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
  spend(layers, bytes, saved, &chosen);
  return chosen;
}

}  // namespace linnet::budget
