#!/usr/bin/env python3
"""Makes the goldens norms/: the normalizations of norm_modules.py in the spellings of PyTorch's exporters. For every module
NAME.npz with its inputs (in_0, ...) and the output in double precision (out_0), and one NAME.EXPORT.onnx for every export whose
graph differs from those before it: script11 to script18 (TorchScript's exporter at these opsets), with _unfolded without its
constant folding, and dynamo18, dynamo21. norms/steps.txt, which is written by hand, says what each must become.

Not part of the test command. Needs: pip install numpy onnx onnxscript torch. Usage: make_norms.py [NAME-PART]"""
import hashlib
import io
import logging
import pathlib
import sys
import warnings

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import nn

import norm_modules as m

OUT = pathlib.Path(__file__).parent / "norms"
SCRIPT_OPSETS, DYNAMO_OPSETS = (11, 13, 16, 17, 18), (18, 21)
ROWS, IMAGES = (2, 5, 7), (2, 6, 3, 4)
CHANNELS = (6, 1, 1)


def conv(*behind):
    return nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), *behind)


def mask(tokens):
    return torch.triu(torch.full((tokens, tokens), -1e4), 1)


def without_parameters(function, *arguments, **named):
    return m.Function(lambda x: function(x, *arguments, **named))


# Name: (module, input shapes, mean of the inputs).
CASES = {
    "layer_1": (lambda: nn.LayerNorm(7), ROWS),
    "layer_2": (lambda: nn.LayerNorm((5, 7)), ROWS),
    "layer_3": (lambda: nn.LayerNorm((6, 3, 4)), IMAGES),
    "layer_width": (lambda: nn.LayerNorm(4), IMAGES),
    "layer_image": (lambda: nn.LayerNorm((3, 4)), IMAGES),
    "layer_plain": (lambda: nn.LayerNorm(7, elementwise_affine=False), ROWS),
    "layer_plain_3": (lambda: nn.LayerNorm((6, 3, 4), elementwise_affine=False), IMAGES),
    "layer_no_bias": (lambda: nn.LayerNorm(7, bias=False), ROWS),
    "layer_functional": (lambda: without_parameters(F.layer_norm, (7,), eps=1e-3), ROWS),
    "layer_matrix": (lambda: nn.Sequential(nn.Linear(7, 9), nn.LayerNorm(9), nn.ReLU(), nn.Linear(9, 3)), (2, 7)),
    "layer_channels": (lambda: m.ChannelsFirst(nn.LayerNorm(6)), IMAGES),
    "layer_channels_written_out": (lambda: m.ChannelsFirstLayerNorm(6), IMAGES),
    "layer_scalar_parameters": (lambda: m.Affine(m.Over(m.deviation_unbiased, -1), (1,), (1,)), ROWS),
    "layer_row_parameters": (lambda: m.Affine(m.Over(m.centred, (1, 2)), (7,), (5, 1)), ROWS),
    "layer_relu": (lambda: nn.Sequential(nn.LayerNorm(7), nn.ReLU()), ROWS),
    "layer_gelu": (lambda: nn.Sequential(nn.LayerNorm(7), nn.GELU()), ROWS),
    "layer_written_out_silu": (lambda: nn.Sequential(m.Affine(m.Over(m.deviation_unbiased, -1), (7,), (7,)), nn.SiLU()), ROWS),
    "layer_offset": (lambda: nn.LayerNorm(37), (2, 37), 1e4),
    "layer_offset_raw_moments": (lambda: m.Affine(m.Over(m.raw_moments, -1), (37,), (37,)), (2, 37), 1e4),
    "group": (lambda: nn.GroupNorm(3, 6), IMAGES),
    "group_one": (lambda: nn.GroupNorm(1, 6), IMAGES),
    "group_each": (lambda: nn.GroupNorm(6, 6), IMAGES),
    "group_plain": (lambda: nn.GroupNorm(2, 6, affine=False), IMAGES),
    "group_1d": (lambda: nn.GroupNorm(3, 6), (2, 6, 5)),
    "group_vector": (lambda: nn.GroupNorm(3, 12), (2, 12)),
    "group_conv_relu": (lambda: conv(nn.GroupNorm(3, 6), nn.ReLU()), (1, 3, 5, 4)),
    "group_silu": (lambda: nn.Sequential(nn.GroupNorm(3, 6), nn.SiLU()), IMAGES),
    "group_hardswish": (lambda: nn.Sequential(nn.GroupNorm(3, 6), nn.Hardswish()), IMAGES),
    "group_viewed_parameters": (lambda: m.ViewedParameters(6, 3), IMAGES),
    "group_viewed_parameters_conv": (lambda: conv(m.ViewedParameters(6, 3), nn.ReLU()), (1, 3, 5, 4)),
    "group_batch_of_one": (lambda: m.Affine(m.BatchOfOne(3), CHANNELS, CHANNELS), IMAGES),
    "group_per_group": (lambda: m.ChannelNorm(3), IMAGES),
    "group_per_group_deviation": (lambda: m.ChannelNorm(3, m.deviation_unbiased), IMAGES),
    "group_offset": (lambda: nn.GroupNorm(3, 6), IMAGES, 1e4),
    "group_offset_raw_moments": (lambda: m.ViewedParameters(6, 3), IMAGES, 1e4),
    "instance": (lambda: nn.InstanceNorm2d(6), IMAGES),
    "instance_affine": (lambda: nn.InstanceNorm2d(6, affine=True), IMAGES),
    "instance_1d": (lambda: nn.InstanceNorm1d(6), (2, 6, 5)),
    "instance_1d_affine": (lambda: nn.InstanceNorm1d(6, affine=True), (2, 6, 5)),
    "instance_tracked": (lambda: nn.InstanceNorm2d(6, affine=True, track_running_stats=True), IMAGES),
    "instance_tracked_conv": (lambda: conv(nn.InstanceNorm2d(6, affine=True, track_running_stats=True), nn.ReLU()), (1, 3, 5, 4)),
    "instance_tracked_1d": (lambda: nn.InstanceNorm1d(6, track_running_stats=True), (2, 6, 5)),
    "instance_conv": (lambda: conv(nn.InstanceNorm2d(6), nn.LeakyReLU(0.2)), (1, 3, 5, 4)),
    "instance_view": (lambda: m.PixelView(6), IMAGES),
    "instance_view_conv": (lambda: conv(m.PixelView(6), nn.ReLU()), (1, 3, 5, 4)),
    "instance_view_deviation_conv": (lambda: conv(m.PixelView(6, m.deviation_biased), nn.ReLU()), (1, 3, 5, 4)),
    "instance_style": (lambda: m.Affine(m.StyleNorm(), CHANNELS, CHANNELS), IMAGES),
    "instance_style_conv": (lambda: conv(m.StyleNorm(), nn.ReLU()), (1, 3, 5, 4)),
    "instance_mean_of_means": (lambda: m.Affine(m.MeanOfMeans(), CHANNELS, CHANNELS), IMAGES),
    "instance_batch_of_one": (lambda: m.BatchOfOne(6), IMAGES),
    "instance_batch_of_one_conv": (lambda: conv(m.BatchOfOne(6), nn.ReLU()), (2, 3, 5, 4)),
    "instance_offset": (lambda: nn.InstanceNorm2d(6), IMAGES, 1e4),
    "batch_conv": (lambda: conv(nn.BatchNorm2d(6), nn.ReLU()), (1, 3, 5, 4)),
    "batch_1d": (lambda: nn.Sequential(nn.Linear(7, 5), nn.BatchNorm1d(5), nn.ReLU()), (2, 7)),
    "batch_alone": (lambda: nn.BatchNorm2d(6), IMAGES),
    "batch_estimated_conv": (lambda: conv(m.EstimatedBatchNorm(6), nn.ReLU()), (1, 3, 5, 4)),
    "batch_channel_conv": (lambda: conv(m.batch_channel_norm(6, 3), nn.ReLU()), (1, 3, 5, 4)),
    "batch_channel_estimated_conv": (lambda: conv(m.batch_channel_norm(6, 2, True), nn.ReLU()), (1, 3, 5, 4)),
    "batch_channel_standardized": (lambda: nn.Sequential(m.StandardizedConv(3, 6, 3, padding=1), m.batch_channel_norm(6, 2, True), nn.ReLU()), (1, 3, 5, 4)),
    "rms": (lambda: nn.RMSNorm(7, eps=1e-5), ROWS),
    "rms_default_epsilon": (lambda: nn.RMSNorm(7), ROWS),
    "rms_plain": (lambda: nn.RMSNorm(7, eps=1e-5, elementwise_affine=False), ROWS),
    "rms_2": (lambda: nn.RMSNorm((5, 7), eps=1e-5), ROWS),
    "rms_written_out": (lambda: m.Affine(m.Function(m.rms), (7,)), ROWS),
    "rms_by_division": (lambda: m.Affine(m.Function(m.rms_by_division), (7,), (7,)), ROWS),
    "rms_by_length": (lambda: m.Affine(m.Function(m.rms_by_length), (7,)), ROWS),
    "rms_by_normalize": (lambda: m.Affine(m.Function(m.rms_by_normalize), (7,)), ROWS),
    "rms_channels": (lambda: m.Affine(without_parameters(m.rms, 1), CHANNELS), IMAGES),
    "rms_pixel_conv": (lambda: conv(without_parameters(m.rms, 1), nn.LeakyReLU(0.2)), (1, 3, 5, 4)),
    "rms_relu": (lambda: nn.Sequential(nn.RMSNorm(7, eps=1e-5), nn.ReLU()), ROWS),
    "l2_last": (lambda: without_parameters(F.normalize, dim=-1), ROWS),
    "l2_middle": (lambda: without_parameters(F.normalize, dim=1), ROWS),
    "l2_channels": (lambda: without_parameters(F.normalize, dim=1), IMAGES),
    "l2_channels_conv": (lambda: conv(without_parameters(F.normalize, dim=1)), (1, 3, 5, 4)),
    "l2_two": (lambda: without_parameters(F.normalize, dim=(1, 2)), ROWS),
    "l2_relu": (lambda: nn.Sequential(without_parameters(F.normalize, dim=-1), nn.ReLU()), ROWS),
    "l2_epsilon": (lambda: without_parameters(F.normalize, dim=-1, eps=0.5), ROWS),
    "l2_no_epsilon": (lambda: without_parameters(m.l2_by_norm, -1), ROWS),
    "l2_no_epsilon_channels": (lambda: without_parameters(m.l2_by_norm, 1), IMAGES),
    "l2_epsilon_added": (lambda: m.Affine(without_parameters(m.l2_epsilon_added, 1), CHANNELS), IMAGES),
    "l2_root_added": (lambda: m.Affine(without_parameters(m.l2_root_added, 1), CHANNELS), IMAGES),
    "l2_sum_of_squares": (lambda: without_parameters(m.l2_sum_of_squares, -1), ROWS),
    "attention": (lambda: m.Attention(8, 2), (2, 5, 8)),
    "attention_mask": (lambda: m.Attention(8, 2, mask(5)), (2, 5, 8)),
    "attention_fused": (lambda: m.Attention(8, 2, fused=True), (2, 5, 8)),
    "attention_fused_mask": (lambda: m.Attention(8, 2, mask(5), True), (2, 5, 8)),
    "attention_separate": (lambda: m.SeparateAttention(8, 2), ((2, 5, 8), (2, 6, 8), (2, 1, 5, 6))),
    "attention_module": (lambda: m.SelfAttention(8, 2), (2, 5, 8)),
    "attention_one": (lambda: m.Attention(8, 2, fused=True), (1, 5, 8)),
    "convnext_block": (lambda: m.ConvNeXtBlock(6), (1, 6, 5, 4)),
    "convnext_block_channels_first": (lambda: m.ConvNeXtBlockChannelsFirst(6), (1, 6, 5, 4)),
    "network_group_resnet": (lambda: m.NormalizedResNet(m.StandardizedConv, lambda c: nn.GroupNorm(2, c), 3, (4, 6), 5), (1, 3, 12, 12)),
    "network_batch_channel_resnet": (lambda: m.NormalizedResNet(m.StandardizedConv, lambda c: m.batch_channel_norm(c, 2, True), 3, (4, 6), 5), (1, 3, 12, 12)),
    "network_convnext": (lambda: m.conv_next(3, (4, 6), 5), (1, 3, 12, 12)),
    "network_convnext_channels_first": (lambda: m.conv_next(3, (4, 6), 5, block=m.ConvNeXtBlockChannelsFirst), (1, 3, 12, 12)),
    "network_vit": (lambda: m.VisionTransformer(3, 12, 4, 8, 2, 2, 5), (1, 3, 12, 12)),
}
for name, statistics in m.STATISTICS.items():
    CASES |= {
        f"layer_{name}": (lambda f=statistics: m.Affine(m.Over(f, -1), (7,), (7,)), ROWS),
        f"group_{name}": (lambda f=statistics: m.Affine(m.Viewed(f, 3, "groups"), CHANNELS, CHANNELS), IMAGES),
    }
for name in ("centred", "raw_moments", "variance_unbiased", "deviation_biased", "deviation_unbiased"):
    CASES |= {
        f"group_{name}_rows": (lambda f=m.STATISTICS[name]: m.Affine(m.Viewed(f, 3, "rows"), CHANNELS, CHANNELS), IMAGES),
        f"group_{name}_images": (lambda f=m.STATISTICS[name]: m.Affine(m.Viewed(f, 3, "images"), CHANNELS, CHANNELS), IMAGES),
        f"instance_{name}": (lambda f=m.STATISTICS[name]: m.Affine(m.Over(f, (2, 3)), CHANNELS, CHANNELS), IMAGES),
    }


def trained(module):
    """Parameters away from their initial values, and statistics as after training."""
    for name, tensor in module.named_buffers():
        if name.endswith("running_mean"):
            tensor.data.normal_(0, 0.3)
        if name.endswith("running_var"):
            tensor.data.uniform_(0.5, 2)
    for part in module.modules():
        if isinstance(part, (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.RMSNorm, m.ChannelsFirstLayerNorm)):
            for tensor in part.parameters():
                tensor.data.uniform_(0.5, 1.5)
    return module.eval()


def script_export(module, inputs, opset, folding):
    stream = io.BytesIO()
    torch.onnx.export(module, inputs, stream, opset_version=opset, do_constant_folding=folding, dynamo=False)
    return onnx.load_from_string(stream.getvalue())


def dynamo_export(module, inputs, opset):
    return torch.onnx.export(module, inputs, dynamo=True, opset_version=opset, verbose=False).model_proto


def exports(module, inputs):
    """The name and a function for every export of the module."""
    for opset in SCRIPT_OPSETS:
        for folding in (True, False):
            yield f"script{opset}" + ("" if folding else "_unfolded"), lambda o=opset, f=folding: script_export(module, inputs, o, f)
    for opset in DYNAMO_OPSETS:
        yield f"dynamo{opset}", lambda o=opset: dynamo_export(module, inputs, o)


def cleaned(model):
    """Without what is of no use to a test, and with short names."""
    del model.metadata_props[:], model.graph.metadata_props[:], model.graph.value_info[:]
    model.doc_string = model.graph.doc_string = ""
    names = {"": ""}
    graph = model.graph
    for value in [*graph.input, *graph.output, *graph.initializer]:
        value.doc_string = ""
        del value.metadata_props[:]
    for kind, values in (("x", graph.input), ("w", graph.initializer)):
        for n, value in enumerate(values):
            value.name = names.setdefault(value.name, f"{kind}{n}")
    for n, node in enumerate(graph.node):
        node.doc_string, node.name = "", f"{node.op_type.lower()}_{n}"
        del node.metadata_props[:]
        node.input[:] = [names[i] for i in node.input]
        node.output[:] = [names.setdefault(o, f"v{len(names)}") for o in node.output]
    for value in graph.output:
        value.name = names[value.name]
    return model


def attributes_of(node):
    """Those that differ from the specification's default, in their order by name."""
    known = onnx.defs.get_schema(node.op_type).attributes if onnx.defs.has(node.op_type) else {}
    for a in sorted(node.attribute, key=lambda a: a.name):
        value = onnx.helper.get_attribute_value(a)
        default = known[a.name].default_value if a.name in known else None
        if default is None or not default.type or value != onnx.helper.get_attribute_value(default):
            yield a.name, numpy_helper.to_array(a.t).tolist() if a.type == onnx.AttributeProto.TENSOR else value


def structure(model):
    """A digest of everything but names, opset and the elements of large tensors."""
    digest = hashlib.sha256()
    names = {}
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        names[tensor.name] = f"{array.dtype} {array.shape} " + (str(array.tolist()) if array.size < 8 else "")
    for node in model.graph.node:
        line = f"{node.op_type} {[names.get(i, i) for i in node.input]} {list(node.output)} {list(attributes_of(node))}"
        digest.update(line.encode())
    return digest.digest()


def make(name, factory, shapes, mean=0.0):
    torch.manual_seed(20240923)
    module = trained(factory())
    shapes = shapes if isinstance(shapes[0], tuple) else (shapes,)
    inputs = tuple(torch.randn(*shape) + mean for shape in shapes)
    with torch.no_grad():
        output = module.double()(*(x.double() for x in inputs)).numpy()
        module.float()
    for file in [*OUT.glob(f"{name}.*.onnx"), *OUT.glob(f"{name}.npz")]:
        file.unlink()
    seen, kept = set(), []
    for export, run in exports(module, inputs):
        try:
            model = cleaned(run())
        except Exception as error:  # an operator that the exporter does not know at this opset
            print(f"{name}.{export}: not exported: {type(error).__name__} {str(error).splitlines()[0][:120]}")
            continue
        key = structure(model)
        if key in seen:
            continue
        seen.add(key)
        kept.append(export)
        (OUT / f"{name}.{export}.onnx").write_bytes(model.SerializeToString())
    np.savez(OUT / f"{name}.npz", **{f"in_{n}": x.numpy() for n, x in enumerate(inputs)}, out_0=output.astype(np.float32))
    print(f"{name}: {' '.join(kept)}", flush=True)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    OUT.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    for name, row in CASES.items():
        if len(sys.argv) < 2 or sys.argv[1] in name:
            make(name, *row)
    print(len(list(OUT.glob("*.onnx"))), "graphs,", sum(f.stat().st_size for f in OUT.iterdir()) // 1024, "KiB")
