/* Inputs and expected outputs of a network, linked into flash from the NumPy files that the build names (recording.S):
 * the elements of one run after the other. */
#ifndef LINNET_TARGETS_CORTEX_M_RECORDING_H_
#define LINNET_TARGETS_CORTEX_M_RECORDING_H_

extern const unsigned char inputs_begin[], inputs_end[], expected_begin[], expected_end[];

#endif /* LINNET_TARGETS_CORTEX_M_RECORDING_H_ */
