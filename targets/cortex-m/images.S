/* LINNET_IMAGES: a .npy file; LINNET_IMAGES_HEADER: bytes before its data. */
  .section .images, "a"
  .balign 4
  .global images_begin, images_end
images_begin:
  .incbin LINNET_IMAGES, LINNET_IMAGES_HEADER
images_end:
