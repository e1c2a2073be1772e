jointspace data make world/scenes scenes/ --n 200 --seed 1 --fields image,caption,boxes
jointspace data show scenes/
