//===- Describe.cpp - a .fovea file as text for people --------------------===//

#include "program/Artefact.h"

using namespace fovea::rt;

static std::string describeParameter(const ProgramParameter &parameter,
                                     const std::vector<std::string> &names) {
  std::string text =
      parameter.name + ": " + getDtypeName(parameter.dtype) + " [";
  for (size_t axis = 0; axis < parameter.shape.size(); ++axis) {
    text += axis ? ", " : "";
    if (parameter.shape[axis] >= 0) {
      text += std::to_string(parameter.shape[axis]);
    } else if (parameter.extents) {
      text += (*parameter.extents)[axis].print(names);
    } else {
      text += "?";
    }
  }
  return text + "]\n";
}

static std::string describeEntry(const ProgramEntry &entry) {
  std::vector<std::string> names;
  for (const ProgramParameter &input : entry.inputs) {
    names.push_back(input.name);
  }
  std::string text = "entry " + entry.name + "\n";
  for (const ProgramParameter &input : entry.inputs) {
    text += "  input  " + describeParameter(input, names);
  }
  for (const ProgramParameter &output : entry.outputs) {
    text += "  output " + describeParameter(output, names);
  }
  return text;
}

static std::string describeKernel(const ProgramKernel &kernel) {
  std::string text = "  kernel " + kernel.name + ":";
  auto add = [&](int64_t number, const char *what) {
    if (number >= 0) {
      text += text.back() == ':' ? " " : ", ";
      text += std::to_string(number) + " " + what;
    }
  };
  add(kernel.threads, "threads");
  add(kernel.nearBytes, "bytes of near memory");
  add(kernel.registers, "registers");
  if (text.back() == ':') {
    text.pop_back();
  }
  return text + "\n";
}

std::string fovea::rt::describe(const Artefact &artefact) {
  std::string text = "compiled by " + artefact.compiler + "\n";
  for (const ProgramEntry &entry : artefact.entries) {
    text += describeEntry(entry);
  }
  for (const ProgramTarget &target : artefact.targets) {
    text += "target " + target.name + " (" + target.chip + ")\n";
    text += "  host code: " +
            std::to_string(artefact.sections[target.host].size()) + " bytes";
    for (size_t i = 0; i < target.needs.size(); ++i) {
      text += (i ? " " : ", needs ") + target.needs[i];
    }
    text += "\n";
    for (const ProgramImage &image : target.images) {
      text += "  " + image.kind + " for " + image.chip + ": " +
              std::to_string(artefact.sections[image.section].size()) +
              " bytes\n";
    }
    for (const ProgramKernel &kernel : target.kernels) {
      text += describeKernel(kernel);
    }
  }
  return text;
}
