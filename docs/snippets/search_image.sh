python -c "import jointspace as js; open('query.png', 'wb').write(js.load_data('emoji', split='test')[10]['image'])"
jointspace search store --image query.png -k 3
jointspace search store --image query.png --text "red" --weights 0.5,1 -k 3
