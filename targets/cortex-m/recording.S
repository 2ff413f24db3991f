/* LINNET_INPUTS and LINNET_EXPECTED: .npy files; _HEADER: bytes before their data. */
  .section .images, "a"
  .balign 4
  .global inputs_begin, inputs_end, expected_begin, expected_end
inputs_begin:
  .incbin LINNET_INPUTS, LINNET_INPUTS_HEADER
inputs_end:
  .balign 4
expected_begin:
  .incbin LINNET_EXPECTED, LINNET_EXPECTED_HEADER
expected_end:
