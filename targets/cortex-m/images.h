/* The test images, linked into flash from the NumPy file that the build names (images.S): uint8 pixels, one image after
 * the other. */
#ifndef LINNET_TARGETS_CORTEX_M_IMAGES_H_
#define LINNET_TARGETS_CORTEX_M_IMAGES_H_

extern const unsigned char images_begin[], images_end[];

#endif /* LINNET_TARGETS_CORTEX_M_IMAGES_H_ */
